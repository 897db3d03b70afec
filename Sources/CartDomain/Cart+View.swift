package import Messages

extension Cart {
    /// The cart as its shopper sees it: its lines in the order of their arrival.
    package var view: CartView {
        var lines: [CartView.Line] = []
        lines.reserveCapacity(held.count)
        // By the hash of the line: to look it up itself would retain its texts at every comparison.
        var places: [Int: Int] = [:]
        places.reserveCapacity(held.count)
        for position in held.indices {
            let hash = held[position].line.hashValue
            let place = places[hash].flatMap { place in
                lines[place].id == held[position].line
                    ? place : lines.firstIndex { $0.id == held[position].line }
            }
            if let place {
                lines[place].quantity += held[position].quantity
                if let country = held[position].country { lines[place].country = country }
            } else {
                places[hash] = lines.count
                lines.append(
                    CartView.Line(
                        id: held[position].line, name: held[position].name,
                        quantity: held[position].quantity, country: held[position].country,
                        price: held[position].price))
            }
        }
        for index in lines.indices {
            lines[index].amount = lines[index].price.map {
                Amount(of: lines[index].quantity, at: $0)
            }
        }
        return CartView(
            cartID: cartID, version: version, lines: lines,
            pending: pending.map {
                CartView.Pending(
                    requestID: $0.requestID, line: $0.request.line, quantity: $0.remaining)
            },
            parts: parts.sorted { $0.key < $1.key }.map { name, part in
                var json = JSONWriter()
                part.base.encodeView(to: &json)
                return CartView.Part(name: name, json: json.bytes)
            },
            totals: totals(of: lines))
    }

    /// Adds up what has a price; `nil` where nothing has.
    private func totals(of lines: [CartView.Line]) -> Totals? {
        let charges = parts.values.flatMap { $0.base.charges }
        guard
            let currency = lines.lazy.compactMap({ $0.price?.currency }).first
                ?? charges.first?.currency
        else { return nil }
        var rates: [Int: Amount] = [:]
        var items = Amount.zero
        for line in lines {
            guard let price = line.price, let amount = line.amount else { continue }
            items = items + amount
            rates[price.vatRate, default: .zero] = rates[price.vatRate, default: .zero] + amount
        }
        var delivery = Amount.zero
        for price in charges {
            let amount = Amount(of: 1, at: price)
            delivery = delivery + amount
            rates[price.vatRate, default: .zero] = rates[price.vatRate, default: .zero] + amount
        }
        return Totals(
            currency: currency, items: items, delivery: delivery,
            rates: rates.sorted { $0.key < $1.key }
                .map { Totals.Rate(vatRate: $0.key, amount: $0.value) },
            isComplete: lines.allSatisfy { $0.price != nil })
    }
}
