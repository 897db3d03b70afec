import Messages

/// What commands are made of.
extension Cart {
    /// The request for more pieces on a line.
    ///
    /// - Parameter fingerprint: of the command; `nil` where it asks for several items.
    /// - Throws: why they cannot be asked for.
    func addRequest(
        _ line: LineID, quantity: Int, country: Country?, for fingerprint: Fingerprint?,
        _ context: CommandContext
    ) throws(RejectionReason) -> AddRequest {
        if isFull { throw .cartFull }
        let offer = context.offers.offer(of: line.productCode)
        if let offer, !offer.isActive || offer.isDelivery { throw .inactiveProduct }
        if let wanted = offer?.price?.currency, let currency, wanted != currency {
            throw .currencyMismatch
        }
        return AddRequest(
            line: line, quantity: quantity, userID: context.userID, country: country,
            name: offer?.name, price: offer?.price, askUntil: context.askUntil,
            // Who asked for several items is told of all together.
            replyPartition: fingerprint == nil ? nil : context.replyPartition,
            fingerprint: fingerprint)
    }

    /// How pieces are taken out: from holds, newest first, then from pending requests, newest first.
    ///
    /// - Parameters:
    ///   - quantity: how many; `nil`: all there are.
    ///   - isMeant: of which lines.
    /// - Throws: `notInCart` if there are not so many, or none at all.
    func removal(
        of quantity: Int?, for fingerprint: Fingerprint, where isMeant: (LineID) -> Bool
    ) throws(RejectionReason) -> Removal {
        var missing = quantity ?? .max
        let reductions = Removal.Reductions(
            holds: Self.reduce(held.reversed().filter { isMeant($0.line) }) { _, has in
                Self.take(&missing, from: has)
            },
            pending: Self.reduce(pending.reversed().filter { isMeant($0.request.line) }) {
                _, has in Self.take(&missing, from: has)
            })
        let isEnough = quantity == nil ? !reductions.isEmpty : missing == 0
        guard isEnough else { throw .notInCart }
        return Removal(reductions, for: fingerprint)
    }

    /// What shrinks so that lines have no more than so many pieces.
    ///
    /// Pending requests shrink first, newest first: what is not held yet may never be.
    ///
    /// - Parameter limit: of a line; `nil`: it stays as it is.
    func reductions(to limit: (LineID) -> Int?) -> Removal.Reductions {
        var excess: [LineID: Int] = [:]
        for (line, quantity) in quantities {
            if let limit = limit(line), limit < quantity { excess[line] = quantity - limit }
        }
        if excess.isEmpty { return Removal.Reductions() }
        func take(_ line: LineID, _ has: Int) -> Int {
            excess[line].map { missing in
                var missing = missing
                defer { excess[line] = missing }
                return Self.take(&missing, from: has)
            } ?? 0
        }
        let pending = Self.reduce(pending.reversed(), by: take)
        return Removal.Reductions(
            holds: Self.reduce(held.reversed(), by: take), pending: pending)
    }

    /// How many pieces each line has, pending ones included.
    var quantities: [LineID: Int] {
        var quantities: [LineID: Int] = [:]
        for item in held { quantities[item.line, default: 0] += item.quantity }
        for add in pending { quantities[add.request.line, default: 0] += add.remaining }
        return quantities
    }

    private static func take(_ missing: inout Int, from has: Int) -> Int {
        let taken = min(has, missing)
        missing -= taken
        return taken
    }

    private static func reduce(
        _ items: some Sequence<some HoldingPieces>, by taken: (LineID, Int) -> Int
    ) -> [Removal.Reduction] {
        items.compactMap { item in
            let taken = taken(item.line, item.pieces)
            return taken == 0
                ? nil : Removal.Reduction(requestID: item.requestID, to: item.pieces - taken)
        }
    }
}

/// What has pieces of a line for one request.
private protocol HoldingPieces {
    var requestID: RequestID { get }
    var line: LineID { get }
    var pieces: Int { get }
}

extension Cart.HeldItem: HoldingPieces {
    fileprivate var pieces: Int { quantity }
}

extension Cart.PendingAdd: HoldingPieces {
    fileprivate var line: LineID { request.line }
    fileprivate var pieces: Int { remaining }
}
