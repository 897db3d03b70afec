import Messages

/// What the documents say of one kind of message.
package struct MessageDescription: Sendable {
    /// What programs call it; unique among all messages.
    package let name: String
    /// What it says, in a line.
    package let summary: String
    package let payload: JSONSchema
    package let contentType: String

    package init(
        _ name: String, _ summary: String, _ payload: JSONSchema,
        contentType: String = "application/json"
    ) {
        self.name = name
        self.summary = summary
        self.payload = payload
        self.contentType = contentType
    }

    /// A message whose payload is a component, described there.
    package init(_ component: ComponentSchema) {
        let text = component.schema.json["description"]
        guard case .string(let summary) = text else {
            preconditionFailure("the component \(component.rawValue) has no description")
        }
        self.init(component.rawValue, summary, .component(component))
    }
}

/// What the documents say of a topic.
package struct TopicDescription: Sendable {
    package let summary: String
    /// What a message is keyed by; `nil` where keys are as they came.
    package let key: ComponentSchema?
    /// The headers of its messages.
    package let headers: [JSONSchema.Field]
    package let messages: [MessageDescription]
    /// Who writes it, and who reads it.
    package let writer: String
    package let reader: String
}

extension Topic {
    /// What the documents say of it; a topic without a description does not build.
    package var description: TopicDescription {
        switch self {
        case .cartRequest:
            TopicDescription(
                summary: "Requests of shoppers.", key: .cartID,
                headers: Header.common + [
                    .optional(
                        HeaderName.replyPartition,
                        Header.decimal.described(
                            "The partition of `cart-request-response` that the asker reads."))
                ],
                messages: CommandSchemas.logMessages.map(\.message)
                    + [
                        .checkRequest, .lookupRequest, .watchRequest, .handOverRequest,
                        .handedRequest,
                    ].map { MessageDescription($0) },
                writer: "gateway", reader: "cart service")
        case .inventoryRequest:
            TopicDescription(
                summary: "What carts ask of the inventory.", key: .productCode,
                headers: Header.common,
                messages: [.ask, .lower, .extend, .recount].map { MessageDescription($0) },
                writer: "cart service", reader: "inventory service")
        case .inventoryResponse:
            TopicDescription(
                summary: "What the inventory tells carts; partitioned like `cart-request`.",
                key: .cartID, headers: Header.common,
                messages: [.held, .refused, .lowered, .holdDue].map { MessageDescription($0) },
                writer: "inventory service", reader: "cart service")
        case .cartResponse:
            TopicDescription(
                summary: """
                    Outcomes and changes, sent to the partition that a gateway reads; the value is \
                    the very text that a websocket gets. No change is sent where an outcome tells the \
                    same cart.
                    """,
                key: .cartID,
                headers: [Header.schema, Header.requestID(isRequired: false), Header.traceparent]
                    + [
                        .optional(
                            HeaderName.status,
                            .string(oneOf: RequestStatus.allCases.map(\.rawValue))
                                .described("The status of an outcome.")),
                        .optional(
                            HeaderName.cartVersion,
                            Header.decimal.described("The version of the cart, if one is told.")),
                    ],
                messages: [.outcome, .changed].map { MessageDescription($0) },
                writer: "cart service", reader: "gateway")
        case .cartEvent:
            TopicDescription(
                summary: "Every event of every cart, for whoever wants to build on them.",
                key: .cartID,
                headers: [Header.schema, Header.requestID(isRequired: true)],
                messages: ComponentSchema.events.map { MessageDescription($0) }
                    + CommandSchemas.events.map(\.message),
                writer: "cart service", reader: "whoever wants to")
        case .productEvent:
            TopicDescription(
                summary: """
                    How products change. Messages may come twice and in any order; of one product \
                    the highest revision is true.
                    """,
                key: .productCode, headers: [Header.schema],
                messages: [.productChanged, .productRemoved].map { MessageDescription($0) },
                writer: "gateway", reader: "gateway, cart service")
        case .deadLetter:
            TopicDescription(
                summary: "Messages that could not be handled, for people to look at.", key: nil,
                headers: [
                    Header.schema,
                    .required(
                        HeaderName.deadLetterReason,
                        .string(length: 0...DeadLetter.reasonLengthMax)),
                    .required(
                        HeaderName.deadLetterOrigin,
                        .string(pattern: "^[a-z-]+/[0-9]+/[0-9]+$")
                            .described("As `topic/partition/offset`.")),
                ],
                messages: [
                    MessageDescription(
                        "DeadLetter", "A message as it came, cut where it is too long.", .any,
                        contentType: "application/octet-stream")
                ],
                writer: "cart service, inventory service", reader: "people")
        }
    }
}

/// The headers of messages on the log; all values are text.
private enum Header {
    static let schema = JSONSchema.Field.required(
        HeaderName.schema, .constant(HeaderName.schemaVersion))
    static let traceparent = JSONSchema.Field.optional(
        HeaderName.traceparent, .string().described("W3C trace context."))
    static let decimal = JSONSchema.string(pattern: "^[0-9]+$")

    static func requestID(isRequired: Bool) -> JSONSchema.Field {
        isRequired
            ? .required(HeaderName.requestID, .component(.partID))
            : .optional(HeaderName.requestID, .component(.partID))
    }

    static let common = [schema, requestID(isRequired: true), traceparent]
}

/// What the documents say of a shopper's websocket.
package enum SocketDescription {
    /// What clients send.
    package static let fromClient =
        CommandSchemas.socketMessages.map(\.message) + [MessageDescription(.checkMessage)]
    /// What the gateway sends.
    package static let fromGateway = [ComponentSchema.outcome, .changed, .errorMessage]
        .map { MessageDescription($0) }
}
