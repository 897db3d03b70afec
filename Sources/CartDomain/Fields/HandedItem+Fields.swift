package import Messages

extension HandedItem: FieldCoded {
    package static let fields: [CommandField] =
        [
            CommandField(
                "requestID", .text(lengthMax: RequestID.lengthMaxOfPart),
                "The hold, by its request."),
            CommandField("id", .lineID, "The line."),
            CommandField("quantity", .quantity, "How many pieces."),
            CommandField("name", .anyText, "The product's name."),
            CommandField("country", .country, isRequired: false, "Where the pieces are to go."),
        ]
        + Price.fields.map {
            CommandField($0.name, $0.kind, isRequired: false, $0.summary)
        }

    package init(_ values: FieldValues) throws(FieldProblem) {
        self.init(
            requestID: try values.required("requestID", \.requestID),
            line: try values.required("id", \.lineID),
            quantity: try values.required("quantity", \.integer),
            name: try values.required("name", \.text),
            country: try values.optional("country", \.country),
            price: values["price"] == nil ? nil : try Price(values))
    }

    package var values: FieldValues {
        var values = price?.values ?? FieldValues()
        values["requestID"] = .text(requestID.text)
        values["id"] = .text("\(line)")
        values["quantity"] = .integer(quantity)
        values["name"] = .text(name)
        values["country"] = country.map { .text($0.code) }
        return values
    }

    /// Reads the array that ``JSONWriter/handed(_:)`` writes.
    package static func list(_ json: JSONValue) throws(FieldProblem) -> [HandedItem] {
        let list = CommandField.Kind.list(.object(fields), countMax: .max)
        var values = FieldValues()
        values["items"] = try FieldValue(json, as: list, name: "items", isStrict: false)
        return try values.objects("items") { item throws(FieldProblem) in
            try HandedItem(item)
        }
    }
}

extension JSONWriter {
    /// Writes pieces that go to another cart as an array.
    package mutating func handed(_ items: [HandedItem]) {
        beginArray()
        for item in items { object { item.encodeFields(to: &$0) } }
        endArray()
    }
}
