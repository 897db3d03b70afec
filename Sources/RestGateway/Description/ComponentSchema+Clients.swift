import Messages

/// What clients send and are told.
extension ComponentSchema {
    var clientSchema: JSONSchema {
        switch self {
        case .problem: Self.problemSchema
        case .checkMessage, .productRow: sentSchema
        default: answerSchema
        }
    }

    private var sentSchema: JSONSchema {
        switch self {
        case .productRow:
            .object([
                .required("product_code", .component(.productCode)),
                .required("name", .string(length: 1...512)),
                .required("quantity", .integer(in: 0...1_000_000_000_000)),
            ])
            .described("A row of the inventory; more columns may be given.")
        default:
            .object(
                CommandSchemas.messageEnvelope("check") + [
                    .optional("ifVersion", .component(.version)),
                    .optional("productCode", .component(.productCode)),
                    .optional("quantity", .component(.quantity)),
                ], isClosed: true
            )
            .described("Asks for the cart as it stands.")
        }
    }

    private var answerSchema: JSONSchema {
        switch self {
        case .history:
            .object([
                .required("cartID", .component(.cartID)),
                .required("version", .component(.version)),
                .optional(
                    "prunedUpTo",
                    .component(.version).described("Events up to this version are no longer kept.")),
                .required("events", .array(of: .component(.cartEvent))),
                .optional(
                    "next", .component(.version).described("The `after` of the next page.")),
            ])
            .described("What has happened to a cart, oldest first.")
        case .stock:
            .object([
                .required("productCode", .component(.productCode)),
                .required("name", .string()),
                .required("quantity", .integer(from: 0).described("Held ones among them.")),
                .required("held", .integer(from: 0)),
                .required("available", .integer(from: 0)),
            ])
            .described("What the inventory has of a product, in pieces.")
        case .loadReport:
            .object([
                .required("rows", .integer(from: 0)), .required("inserted", .integer(from: 0)),
                .required("updated", .integer(from: 0)), .required("unchanged", .integer(from: 0)),
                .required("skippedCount", .integer(from: 0)),
                .required(
                    "skipped",
                    .array(
                        of: .object([
                            .required("line", .integer(from: 1)),
                            .required("productCode", .string()), .required("reason", .string()),
                        ])
                    ).described("The first of the rows that were left out.")),
            ])
            .described("What a load has changed.")
        case .dependencies:
            .object([
                .required("service", .constant("gateway")),
                .required("state", .string(oneOf: ["up", "down"])),
                .required(
                    "dependencies",
                    .array(
                        of: .object([
                            .required("name", .string()),
                            .required("state", .string(oneOf: ["up", "down"])),
                            .optional("reason", .string()),
                        ]))),
            ])
        default:
            .object([.required("state", .string(oneOf: ["live", "ready"]))])
        }
    }

    private static let problemSchema: JSONSchema = .object([
        .required("type", .string(pattern: "^urn:holdfast:problem:[a-z-]+$")),
        .required("title", .string().described("What kind of problem it is, for people.")),
        .required("status", .integer(in: 400...599)),
        .required("detail", .string().described("What is wrong this time, for people.")),
        .required(
            "slug",
            .string(oneOf: Problem.Slug.allCases.map(\.rawValue))
                .described("What kind of problem it is, for programs.")),
        .optional("parameter", .string().described("The parameter that is meant.")),
        .optional("field", .string().described("The field that is meant.")),
        .optional("header", .string().described("The header that is meant.")),
        .optional("retryAfter", .integer(from: 1).described("Seconds.")),
        .optional(
            "errors",
            .array(
                of: .object([
                    .required("line", .integer(from: 1)), .required("reason", .string()),
                ])
            ).described("The rows of an inventory that are wrong.")),
    ])
    .described("What is wrong, as RFC 9457 writes it.")
}
