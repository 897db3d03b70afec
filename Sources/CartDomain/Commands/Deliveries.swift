package import Messages

/// How the lines of a cart are delivered.
package struct Deliveries: CartPart {
    /// One way in which some lines are delivered.
    package struct Delivery: Hashable, Sendable {
        /// Counts from 1 in its cart; never used again.
        package let id: Int
        package let provider: ProductCode
        package let name: String
        package let price: Price
        package var lines: [LineID]
        package var pickupPoint: PickupPoint?

        package init(
            id: Int, provider: ProductCode, name: String, price: Price, lines: [LineID],
            pickupPoint: PickupPoint? = nil
        ) {
            self.id = id
            self.provider = provider
            self.name = name
            self.price = price
            self.lines = lines
            self.pickupPoint = pickupPoint
        }
    }

    package static let name = "deliveries"

    /// How commands name one of them.
    static let idField = CommandField(
        "deliveryID", .integer(1...Int.max), "The delivery's number in the cart.")

    package static let fields = [
        CommandField("lastID", .integer(0...Int.max), "The highest ID that was given so far."),
        CommandField(
            "deliveries",
            .list(.object(Delivery.fields), countMax: .max), "The deliveries."),
    ]

    package var lastID = 0
    package var deliveries: [Delivery] = []

    package init() {}

    package init(_ values: FieldValues) throws(FieldProblem) {
        lastID = try values.required("lastID", \.integer)
        deliveries = try values.objects("deliveries") { values throws(FieldProblem) in
            try Delivery(values)
        }
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["lastID"] = .integer(lastID)
        values["deliveries"] = .list(deliveries.map { .object($0.values) })
        return values
    }

    package var charges: [Price] { deliveries.map(\.price) }

    package mutating func keep(only lines: Set<LineID>) {
        for index in deliveries.indices {
            deliveries[index].lines.removeAll { !lines.contains($0) }
        }
        deliveries.removeAll { $0.lines.isEmpty }
    }

    package func encodeView(to json: inout JSONWriter) {
        json.beginArray()
        for delivery in deliveries { json.object { delivery.encodeFields(to: &$0) } }
        json.endArray()
    }

    /// Finds a delivery by its ID.
    func index(of deliveryID: Int) throws(RejectionReason) -> Int {
        guard let index = deliveries.firstIndex(where: { $0.id == deliveryID }) else {
            throw .unknownDelivery
        }
        return index
    }
}

/// Where a shopper fetches a delivery.
package struct PickupPoint: FieldCoded {
    package static let fields = [
        CommandField("id", .text(lengthMax: 64), "The point, as its provider knows it."),
        CommandField("name", .text(lengthMax: 200), "Its name."),
        CommandField("address", .text(lengthMax: 200), "Street and number."),
        CommandField("city", .text(lengthMax: 100), "The city."),
        CommandField("zip", .text(lengthMax: 20), "The postal code."),
        CommandField("country", .country, "The country, by ISO 3166-1."),
    ]

    package let id: String
    package let name: String
    package let address: String
    package let city: String
    package let zip: String
    package let country: Country

    package init(
        id: String, name: String, address: String, city: String, zip: String, country: Country
    ) {
        self.id = id
        self.name = name
        self.address = address
        self.city = city
        self.zip = zip
        self.country = country
    }

    package init(_ values: FieldValues) throws(FieldProblem) {
        id = try values.required("id", \.text)
        name = try values.required("name", \.text)
        address = try values.required("address", \.text)
        city = try values.required("city", \.text)
        zip = try values.required("zip", \.text)
        country = try values.required("country", \.country)
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["id"] = .text(id)
        values["name"] = .text(name)
        values["address"] = .text(address)
        values["city"] = .text(city)
        values["zip"] = .text(zip)
        values["country"] = .text(country.code)
        return values
    }
}

extension Deliveries.Delivery: FieldCoded {
    package static let fields =
        [
            CommandField("id", .integer(1...Int.max), "The delivery's number in its cart."),
            CommandField("provider", .productCode, "The delivery in the catalogue."),
            CommandField("name", .anyText, "The provider's name."),
        ] + Price.fields + [
            CommandField(
                "lines", .list(.lineID, countMax: .max), "The lines it delivers."),
            CommandField(
                "pickupPoint", .object(PickupPoint.fields), isRequired: false,
                "Where it is fetched."),
        ]

    package init(_ values: FieldValues) throws(FieldProblem) {
        id = try values.required("id", \.integer)
        provider = try values.required("provider", \.productCode)
        name = try values.required("name", \.text)
        price = try Price(values)
        lines = try values.required("lines", \.lineIDs)
        if case .object(let point)? = values["pickupPoint"] {
            pickupPoint = try PickupPoint(point)
        }
    }

    package var values: FieldValues {
        var values = price.values
        values["id"] = .integer(id)
        values["provider"] = .text(provider.text)
        values["name"] = .text(name)
        values["lines"] = .list(lines.map { .text("\($0)") })
        values["pickupPoint"] = pickupPoint.map { .object($0.values) }
        return values
    }
}
