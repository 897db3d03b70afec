import Catalogue
import Messages

/// What a shop sells, and what changes that.
enum CatalogueOperations {
    private static let group = "Catalogue"
    private static let administration = "Administration"

    static let list = OperationDescription(
        id: "listProducts", group: group, summary: "Finds products",
        details: "Finds those for which everything holds that is asked, a page at a time.",
        parameters: [
            query(
                "q",
                .string(length: 0...ProductQuery.textLengthMax).described(
                    """
                    Up to \(ProductQuery.wordsMax) words, each the beginning of a word of the code, \
                    the name, the description or an attribute's value, whatever the case.
                    """)),
            query("prefix", .component(.productCode).described("How the code begins.")),
            query("kind", .string(oneOf: Product.Kind.allCases.map(\.rawValue))),
            query("currency", .component(.currency)),
            query("priceFrom", .integer(in: Price.minorUnitsLimits).described("Minor units.")),
            query("priceTo", .integer(in: Price.minorUnitsLimits).described("Minor units.")),
            query(
                "attribute",
                .array(
                    of: .string(pattern: "^[A-Za-z0-9._-]+:"),
                    count: 0...ProductQuery.attributesMax
                ).described("As `name:value`; may be repeated.")),
            query(
                "active",
                .string(oneOf: ["true", "false", "any"])
                    .described("Whether it is offered; `true` unless told.")),
            query(
                "sort",
                .string(oneOf: ProductQuery.Sort.allCases.map(\.rawValue))
                    .described("`relevance` where `q` is given, else `code`, unless told.")),
            query("order", .string(oneOf: ["asc", "desc"])),
            query(
                "after",
                .component(.productCode)
                    .described("With `sort=code`: only what follows that code.")),
            query("offset", .integer(in: 0...ProductQuery.offsetMax)),
            query("limit", .integer(in: 1...ProductQuery.limitMax)),
        ],
        answers: [.init(200, "A page of what was found.", [.json(.productPage)])],
        problems: [.catalogueUnavailable])

    static let show = OperationDescription(
        id: "showProduct", group: group,
        summary: "Tells a product, and how many can be had now",
        details: "The entity tag stands for the product, not for its availability.",
        parameters: [productCode, .ifNoneMatch],
        answers: [
            .init(200, "The product.", [.json(.productDetails)], headers: validators),
            .init(304, "The product still is as `If-None-Match` says.", headers: validators),
        ],
        problems: [.unknownProduct, .catalogueUnavailable])

    static let put = OperationDescription(
        id: "putProduct", group: administration, summary: "Creates a product or replaces it",
        parameters: [productCode],
        bodies: [.json(.productFields)],
        answers: [
            .init(
                200, "The product, replaced or as it was.", [.json(.product)], headers: validators),
            .init(
                201, "The product is new.", [.json(.product)],
                headers: validators + [.required("Location", .string())]),
        ],
        problems: changeProblems, isForAdmins: true)

    static let patch = OperationDescription(
        id: "patchProduct", group: administration, summary: "Changes fields of a product",
        details: """
            A merge patch (RFC 7396): a field that is missing stays, null takes away, attributes are \
            merged by name.
            """,
        parameters: [productCode],
        bodies: ["application/merge-patch+json", "application/json"].map {
            .init($0, .component(.productPatch))
        },
        answers: [.init(200, "The product as it is now.", [.json(.product)], headers: validators)],
        problems: changeProblems + [.unknownProduct], isForAdmins: true)

    static let remove = OperationDescription(
        id: "removeProduct", group: administration,
        summary: "Takes a product out of the catalogue",
        details: "Carts keep the name and the price that they have.",
        parameters: [productCode], answers: [.init(204, "The product is gone.")],
        problems: [.unknownProduct, .catalogueUnavailable], isForAdmins: true)

    static let load = OperationDescription(
        id: "loadProducts", group: administration, summary: "Loads products",
        details: """
            Brings the schema up to date and writes the rows, all in one transaction; only products \
            that differ are touched. Malformed rows refuse the load. A body may be longer than \
            elsewhere (`SEED_BODY_MAX`).
            """,
        bodies: [
            .init(
                "text/csv",
                .string().described(
                    """
                    With the columns product_code, name and, if wanted, description, price_minor, \
                    currency, vat_rate, images (blanks between them), attributes (`name=value`, \
                    semicolons between them), active, kind.
                    """),
                example: """
                    product_code,name,price_minor,currency,vat_rate
                    HRD001,Cordless drill,12900,EUR,2500

                    """),
            .init("application/json", .array(of: .component(.productFields))),
            .init("application/x-ndjson", .string().described("One product per line.")),
        ],
        answers: [.init(200, "What has changed.", [.json(.loadReport)])],
        problems: [.invalidProducts, .catalogueUnavailable, .overloaded], isForAdmins: true)

    private static let productCode = OperationDescription.Parameter(
        .path, .required("productCode", .component(.productCode)))

    private static let changeProblems = Problem.Slug.ofJSON + [.catalogueUnavailable]

    private static let validators: [JSONSchema.Field] = [
        .required(
            "ETag", .string(pattern: #"^W/"[0-9]+"$"#).described("The product's revision.")),
        .required("Cache-Control", .constant("no-cache")),
    ]

    private static func query(
        _ name: String, _ schema: JSONSchema
    ) -> OperationDescription.Parameter {
        .init(.query, .optional(name, schema))
    }
}
