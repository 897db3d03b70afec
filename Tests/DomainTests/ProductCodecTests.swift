import Catalogue
import Messages
import Testing

@Suite struct `Codec of products` {
    private let drill: Product

    init() throws {
        drill = try Product(
            code: #require(ProductCode("HRD001")), name: "Borrmaskin \"18 V\" – räfflad 🛠",
            description: "Two gears.\nBattery included.",
            price: Price(minorUnits: 129_900, currency: #require(Currency("SEK")), vatRate: 2_500),
            images: ["/images/hrd001.jpg", "https://cdn.example/a%20b.png?v=2"],
            attributes: ["color": "röd", "weight_g": "1400"], isActive: false, kind: .delivery,
            revision: ProductLimits.revision.upperBound)
    }

    @Test func `events survive the log`() throws {
        let plain = Product(code: ProductCode("A")!, name: "a", revision: 1)
        for event in [
            ProductEvent.changed(drill), .changed(plain),
            .removed(ProductCode("A.b-c_1")!, revision: 7),
        ] {
            #expect(try ProductEvent(decoding: event.encoded()) == event)
        }
    }

    @Test func `a product reads as people expect`() {
        var product = drill
        product.name = "Drill"
        product.revision = 3
        let text = String(decoding: ProductEvent.changed(product).encoded(), as: UTF8.self)
        #expect(
            text == #"{"type":"product-changed","product":{"productCode":"HRD001","name":"Drill","#
                + #""description":"Two gears.\u000aBattery included.","price":{"minorUnits":129900,"#
                + #""currency":"SEK","vatRate":2500},"images":["/images/hrd001.jpg","#
                + #""https://cdn.example/a%20b.png?v=2"],"attributes":{"color":"röd","#
                + #""weight_g":"1400"},"active":false,"kind":"delivery","revision":3}}"#)
    }

    @Test func `fields that a newer service adds are passed over`() throws {
        let text = """
            {"new":[1],"type":"product-changed","product":{"revision":4,"x":{"y":null},"name":"n",
            "productCode":"P","price":{"minorUnits":1,"currency":"EUR","vatRate":0,"z":1}}}
            """
        let event = try ProductEvent(decoding: Array(text.utf8))
        #expect(event.product?.price?.minorUnits == 1)
        #expect(event.revision == 4)
    }

    @Test(arguments: [
        #"{"type":"product-changed"}"#,
        #"{"type":"product-changed","product":{"productCode":"P","name":"n"}}"#,
        #"{"type":"product-changed","product":{"productCode":"P","revision":1}}"#,
        #"{"type":"product-changed","product":{"name":"n","revision":1}}"#,
        #"{"type":"product-changed","product":{"productCode":"P","name":"","revision":1}}"#,
        #"{"type":"product-changed","product":{"productCode":"P","name":"n","revision":-1}}"#,
        #"{"type":"product-changed","product":{"productCode":"P","name":"n","revision":9007199254740992}}"#,
        #"{"type":"product-removed","productCode":"P"}"#,
        #"{"type":"product-removed","productCode":"P P","revision":1}"#,
        #"{"type":"product-removed","productCode":"P","revision":9007199254740992}"#,
        #"{"type":"product-sold","productCode":"P","revision":1}"#,
        #"{"productCode":"P","revision":1}"#, "[]", "", #"{"type":"product-removed""#,
    ])
    func `a message that is no product event is refused`(text: String) {
        #expect(throws: MessageError.self) { try ProductEvent(decoding: Array(text.utf8)) }
    }

    @Test(arguments: [
        (#"{"naem":"n"}"#, ProductFault.unknownField("naem")),
        (#"{"revision":1}"#, .unknownField("revision")),
        (#"{"name":1}"#, .invalidField("name", "is not a string")),
        (#"{"name":null}"#, .invalidField("name", "is not a string")),
        (#"{"active":1}"#, .invalidField("active", "is not a truth value")),
        (#"{"kind":"service"}"#, .invalidField("kind", "is neither goods nor delivery")),
        (#"{"productCode":"a b"}"#, .invalidField("productCode", "is not a product code")),
        (#"{"price":{"currency":"SEK","vatRate":0}}"#, .missingField("price.minorUnits")),
        (#"{"price":{"minorUnits":1,"vatRate":0}}"#, .missingField("price.currency")),
        (#"{"price":{"minorUnits":1,"currency":"SEK"}}"#, .missingField("price.vatRate")),
        (
            #"{"price":{"minorUnits":1,"currency":"sek","vatRate":0}}"#,
            .invalidField("price.currency", "is not three capital letters")
        ),
        (
            #"{"price":{"minorUnits":1.0,"currency":"SEK","vatRate":0}}"#,
            .invalidField("price.minorUnits", "is not a whole number from 0 to 1000000000")
        ),
        (
            #"{"price":{"minorUnits":9007199254740993,"currency":"SEK","vatRate":0}}"#,
            .invalidField("price.minorUnits", "is not a whole number from 0 to 1000000000")
        ),
        (
            #"{"price":{"minorUnits":99999999999999999999999,"currency":"SEK","vatRate":0}}"#,
            .invalidField("price.minorUnits", "is not a whole number from 0 to 1000000000")
        ),
        (#"{"price":{"minorUnit":1}}"#, .unknownField("price.minorUnit")),
        (#"{"images":"x"}"#, .invalidField("images", "is not an array")),
        (#"{"attributes":{"a":1}}"#, .invalidField("attributes.a", "is not a string")),
    ])
    func `a client is told which field is wrong`(text: String, fault: ProductFault) {
        #expect(throws: fault) { try ProductPatch(Array(text.utf8)) }
    }

    @Test(arguments: [
        #"{"name":"a","name":"b"}"#, #"{"price":{"vatRate":1,"vatRate":1}}"#, "[]", "{}x", "{",
        #"{"attributes":{"a":"1","a":"2"}}"#, #"{"name":"\ud800"}"#,
        #"{"name":"\#(String(repeating: "[", count: 40))"#,
    ])
    func `text that is not sound JSON is refused`(text: String) {
        #expect {
            _ = try ProductPatch(Array(text.utf8))
        } throws: { error in
            if case ProductFault.json = error { true } else { false }
        }
    }

    @Test func `limits hold at their edges`() {
        func product(_ change: (inout Product) -> Void) -> ProductFault? {
            var product = Product(code: ProductCode("P")!, name: "n")
            change(&product)
            return product.fault
        }
        let accepted: [(inout Product) -> Void] = [
            { $0.name = String(repeating: "n", count: 512) },
            { $0.description = String(repeating: "d", count: 8_192) },
            { $0.description = "two\n\tlines" },
            { $0.images = Array(repeating: "a", count: 16) },
            { $0.images = ["HTTPS://x/y", "a/b:c", "?a:b", "#a:b", "//cdn/x"] },
            { $0.attributes = ["a.B-9_": String(repeating: "v", count: 512)] },
        ]
        for change in accepted { #expect(product(change) == nil) }
        let refused: [(inout Product) -> Void] = [
            { $0.name = "" }, { $0.name = String(repeating: "ä", count: 257) },
            { $0.name = "a\nb" }, { $0.name = "a\u{2028}b" }, { $0.name = "a\u{7F}" },
            { $0.description = String(repeating: "d", count: 8_193) },
            { $0.description = "a\0" }, { $0.description = "a\u{85}" },
            { $0.images = Array(repeating: "a", count: 17) },
            { $0.images = [String(repeating: "a", count: 1_025)] }, { $0.images = [""] },
            { $0.images = ["javascript:alert(1)"] }, { $0.images = ["data:text/html,x"] },
            { $0.images = ["a b"] }, { $0.images = ["ä"] }, { $0.images = ["<x>"] },
            { $0.images = ["a\\b"] },
            { $0.attributes = ["": "v"] }, { $0.attributes = ["a:b": "v"] },
            { $0.attributes = ["a": ""] }, { $0.attributes = ["a": "x\ny"] },
            { $0.attributes = [String(repeating: "a", count: 65): "v"] },
            {
                $0.attributes = Dictionary(
                    uniqueKeysWithValues: (0...32).map { ("a\($0)", "v") })
            },
        ]
        for change in refused { #expect(product(change) != nil) }
    }

    @Test func `a patch changes what it names`() throws {
        let patch = try ProductPatch(
            Array(
                #"{"description":null,"price":null,"images":null,"attributes":{"color":null,"a":"b"}}"#
                    .utf8))
        let changed = try patch.applied(to: drill)
        var expected = drill
        expected.description = ""
        expected.price = nil
        expected.images = []
        expected.attributes = ["weight_g": "1400", "a": "b"]
        #expect(changed == expected)
        #expect(try ProductPatch(Array("{}".utf8)).applied(to: drill) == drill)
        let cleared = try ProductPatch(Array(#"{"attributes":null}"#.utf8)).applied(to: drill)
        #expect(cleared.attributes.isEmpty)
    }

    @Test func `changes are decided on the product as it stands`() throws {
        let code = drill.code
        let named = try ProductPatch(Array(#"{"name":"n"}"#.utf8))
        let nothing = ProductPatch()
        #expect(
            try ProductChange.put(named).decide(code, nil) == .write(Product(code: code, name: "n"))
        )
        #expect(
            try ProductChange.put(named).decide(code, drill)
                == .write(Product(code: code, name: "n", revision: drill.revision)))
        let current = Product(code: code, name: "n", revision: 5)
        #expect(try ProductChange.put(named).decide(code, current) == .unchanged)
        #expect(try ProductChange.patch(nothing).decide(code, current) == .unchanged)
        #expect(try ProductChange.patch(named).decide(code, nil) == .unknownProduct)
        #expect(try ProductChange.remove.decide(code, nil) == .unknownProduct)
        #expect(try ProductChange.remove.decide(code, current) == .remove)
        #expect(throws: ProductFault.missingField("name")) {
            try ProductChange.put(nothing).decide(code, current)
        }
        var elsewhere = named
        elsewhere.code = ProductCode("OTHER")
        #expect(throws: ProductFault.self) {
            try ProductChange.put(elsewhere).decide(code, current)
        }
    }
}
