import Catalogue
import Messages

/// What is told of products, and sent to change them.
extension ComponentSchema {
    var catalogueSchema: JSONSchema {
        switch self {
        case .product:
            .object(Self.toldFields).described("A product, or a way of delivery.")
        case .productDetails:
            .object(
                Self.toldFields + [
                    .required(
                        "availability",
                        .object([
                            .required(
                                "state", .string(oneOf: ["known", "not-stocked", "unknown"])),
                            .optional("available", .integer(from: 0).described("Pieces.")),
                        ]).described("What can be had now, as far as the inventory can be read."))
                ])
        case .productPage:
            .object([
                .required("products", .array(of: .component(.product))),
                .required("total", .integer(from: 0).described("How many there are in all.")),
                .required("offset", .integer(from: 0)), .required("limit", .integer(from: 1)),
            ])
        case .price:
            .object(
                [
                    .required(
                        "minorUnits",
                        .integer(in: Price.minorUnitsLimits)
                            .described("In the currency's minor unit, VAT included.")),
                    .required("currency", .component(.currency)),
                    .required(
                        "vatRate",
                        .integer(in: Price.vatRateLimits)
                            .described("In hundredths of a percent.")),
                ]
            ).described("What one piece costs.")
        case .productFields: Self.sentProduct(requiring: ["name"])
        case .productPatch: Self.sentProduct(requiring: [])
        case .productChanged:
            .object([
                .required("type", .constant("product-changed")),
                .required("product", .component(.product)),
            ]).described("The product is now this.")
        default:
            .object([
                .required("type", .constant("product-removed")),
                .required("productCode", .component(.productCode)),
                .required("revision", Self.revision),
            ]).described("The product is gone.")
        }
    }

    private static let revision = JSONSchema.integer(in: ProductLimits.revision)
        .described("Grows with each change of any product.")

    private static let toldFields: [JSONSchema.Field] = [
        .required("productCode", .component(.productCode)), .required("name", name),
        .required("description", description), .optional("price", .component(.price)),
        .required("images", images),
        .required("attributes", .map(of: attributeValue, countMax: ProductLimits.attributesMax)),
        .required("active", active), .required("kind", kind), .required("revision", revision),
    ]

    /// What clients send of a product; null takes away what may be missing.
    private static func sentProduct(requiring required: Set<String>) -> JSONSchema {
        let fields: [(String, JSONSchema)] = [
            ("productCode", .component(.productCode).described("As in the path, if at all.")),
            ("name", name), ("description", description.orNull),
            ("price", JSONSchema.component(.price).orNull), ("images", images.orNull),
            ("attributes", JSONSchema.map(of: attributeValue.orNull).orNull), ("active", active),
            ("kind", kind),
        ]
        return .object(
            fields.map { name, schema in
                required.contains(name) ? .required(name, schema) : .optional(name, schema)
            }, isClosed: true)
    }

    private static let name = JSONSchema.string(
        length: ProductLimits.nameLength,
        pattern: #"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"#)
    private static let description = JSONSchema.string(
        length: 0...ProductLimits.descriptionLengthMax,
        pattern: #"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]*$"#
    ).described("For people; may have several lines.")
    private static let images = JSONSchema.array(
        of: .string(length: ProductLimits.imageLength, pattern: #"^[!#-;=?-\[\]_a-z~]+$"#),
        count: 0...ProductLimits.imagesMax
    ).described("URLs, relative or HTTP, the most telling first.")
    private static let attributeValue = JSONSchema.string(
        length: ProductLimits.attributeValueLength)
    private static let active = JSONSchema.boolean.described("Whether it is offered.")
    private static let kind = JSONSchema.string(oneOf: Product.Kind.allCases.map(\.rawValue))
        .described("`delivery` for a way of delivery, whose code is the provider.")
}
