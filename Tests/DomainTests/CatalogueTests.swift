import Catalogue
import Messages
import Testing

@Suite struct `Catalogue of products` {
    @Test(arguments: 0..<60)
    func `events in any order, and twice, lead to the same catalogue`(seed: Int) {
        var random = ProductSamples(seed: seed)
        let events = random.history(products: 6, changes: 40)
        let inOrder = Catalogue()
        for event in events { #expect(inOrder.apply(event)) }
        let shuffled = Catalogue()
        for event in (events + events).shuffled(using: &random.generator) { shuffled.apply(event) }
        var all = ProductQuery()
        all.isActive = nil
        #expect(inOrder.search(all) == shuffled.search(all))
        #expect(inOrder.count == shuffled.count)
        for event in events {
            #expect(inOrder.product(event.code) == shuffled.product(event.code))
            #expect(!shuffled.apply(event))
        }
    }

    @Test func `a removal that comes first keeps older changes out`() {
        let catalogue = Catalogue()
        let code = ProductCode("P")!
        #expect(catalogue.apply(.removed(code, revision: 5)))
        #expect(!catalogue.apply(.changed(Product(code: code, name: "old", revision: 4))))
        #expect(catalogue.product(code) == nil)
        #expect(catalogue.apply(.changed(Product(code: code, name: "new", revision: 6))))
        #expect(catalogue.product(code)?.name == "new")
        #expect(catalogue.count == 1)
    }

    @Test(arguments: 0..<100)
    func `a search finds what a naive filter finds`(seed: Int) {
        var random = ProductSamples(seed: seed)
        let catalogue = Catalogue()
        for event in random.history(products: 40, changes: 120) { catalogue.apply(event) }
        var everything = ProductQuery()
        everything.isActive = nil
        everything.limit = .max / 4
        let products = catalogue.search(everything).products
        #expect(products.count == catalogue.count)
        for _ in 0..<20 {
            let query = random.query()
            let found = catalogue.search(query)
            let expected = NaiveSearch(query).page(of: products)
            #expect(found == expected, "\(query)")
        }
    }

    @Test func `a text without a word finds nothing, and blanks find everything`() {
        let catalogue = Catalogue()
        catalogue.apply(.changed(Product(code: ProductCode("P")!, name: "n", revision: 1)))
        var query = ProductQuery()
        query.text = "!?"
        #expect(catalogue.search(query).total == 0)
        query.text = "  "
        #expect(catalogue.search(query).total == 1)
    }

    @Test func `a match in the name goes before one in the description`() {
        let catalogue = Catalogue()
        let names: [(String, String, String)] = [
            ("A", "Box", "holds a hammer"), ("B", "Hammers", ""), ("C", "Hammer", ""),
            ("HAMMER", "Tool", ""),
        ]
        for (index, (code, name, text)) in names.enumerated() {
            catalogue.apply(
                .changed(
                    Product(
                        code: ProductCode(code)!, name: name, description: text,
                        revision: index + 1)))
        }
        var query = ProductQuery()
        query.text = "hammer"
        query.sort = .relevance
        #expect(catalogue.search(query).products.map(\.code.text) == ["HAMMER", "C", "B", "A"])
    }

    @Test func `a catalogue that is not searched still knows its products`() {
        let catalogue = Catalogue(isSearchable: false)
        let product = Product(code: ProductCode("P")!, name: "n", revision: 1)
        #expect(catalogue.apply(.changed(product)))
        #expect(catalogue.product(product.code) == product)
        #expect(catalogue.search(ProductQuery()).total == 0)
    }

    @Test func `pages put together are the whole`() {
        var random = ProductSamples(seed: 7)
        let catalogue = Catalogue()
        for event in random.history(products: 300, changes: 300) { catalogue.apply(event) }
        for sort in ProductQuery.Sort.allCases {
            var query = ProductQuery()
            query.sort = sort
            query.limit = 1_000
            let whole = catalogue.search(query).products
            query.limit = 7
            var pages: [Product] = []
            while pages.count < whole.count {
                query.offset = pages.count
                pages += catalogue.search(query).products
            }
            #expect(pages == whole)
        }
        var query = ProductQuery()
        query.limit = 1_000
        let whole = catalogue.search(query).products
        query.limit = 7
        var pages: [Product] = []
        while pages.count < whole.count {
            query.after = pages.last?.code
            pages += catalogue.search(query).products
        }
        #expect(pages == whole)
    }
}
