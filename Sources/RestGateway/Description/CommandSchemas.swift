import CartDomain
import Messages

/// The schemas that follow from the registry of commands.
package enum CommandSchemas {
    /// A schema under its name.
    package struct Named: Sendable {
        package let name: String
        package let summary: String
        package let schema: JSONSchema

        /// The message that has this schema.
        package var message: MessageDescription {
            MessageDescription(name, summary, .component(named: name))
        }
    }

    /// What websocket clients send: one for each command.
    package static let socketMessages = CommandRegistry.commands.map { command in
        let specification = command.specification
        return Named(
            name: pascalCase(specification.name) + "Message", summary: specification.summary,
            schema: .object(
                of: clientFields(of: command), by: .client, requiring: required(of: command),
                after: messageEnvelope(specification.name) + [
                    .optional(
                        "ifVersion",
                        .component(.version).described("The version that the cart has to have."))
                ]
            ).described(specification.summary))
    }

    /// What is on `cart-request`: one for each command.
    package static let logMessages = CommandRegistry.commands.map { command in
        let specification = command.specification
        return Named(
            name: pascalCase(specification.name) + "Request", summary: specification.summary,
            schema: .object(
                of: command.fields, by: .suite,
                after: ComponentSchema.cartRequestEnvelope(specification.name) + [
                    .optional(
                        "ifVersion",
                        .component(.version).described("The version that the cart has to have."))
                ]
            ).described(specification.summary))
    }

    /// What is on `cart-event`: one for each command that has an event of its own.
    package static let events = CommandRegistry.commands.filter { !$0.changeType.isEmpty }
        .map { command in
            Named(
                name: pascalCase(command.changeType), summary: command.changeSummary,
                schema: .object(
                    of: command.changeFields, by: .suite,
                    after: ComponentSchema.eventEnvelope(command.changeType) + [
                        ComponentSchema.fingerprintField
                    ]
                ).described(command.changeSummary))
        }

    static let all = socketMessages + logMessages + events

    /// The parts of a cart that commands keep, as shoppers see them.
    static let parts: [JSONSchema.Field] = {
        var fields: [JSONSchema.Field] = []
        for command in CommandRegistry.commands where !command.partName.isEmpty {
            let name = command.partName
            guard !fields.contains(where: { $0.name == name }) else { continue }
            let shown = command.partFields.first { $0.name == name }
            let schema = shown.map { JSONSchema.value(of: $0.kind, by: .suite) } ?? .any
            fields.append(.optional(name, schema.described(shown?.summary ?? "")))
        }
        return fields
    }()

    /// The fields that clients may write.
    static func clientFields(of command: any RegisteredCommand) -> [CommandField] {
        CommandInput(command).fields
    }

    /// The fields that clients have to write although the log can do without.
    ///
    /// A command that the log carries in another form has fields of its own for it: of the others none
    /// can be left out.
    static func required(of command: any RegisteredCommand) -> Set<String> {
        command.specification.logOnly.isEmpty
            ? [] : Set(clientFields(of: command).map(\.name))
    }

    static func messageEnvelope(_ action: String) -> [JSONSchema.Field] {
        [
            .required("action", .constant(action)),
            .optional("requestID", .component(.requestID)),
        ]
    }

    /// `add-delivery` as `AddDelivery`.
    static func pascalCase(_ name: String) -> String {
        name.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// `add-delivery` as `addDelivery`.
    static func camelCase(_ name: String) -> String {
        let name = pascalCase(name)
        return name.prefix(1).lowercased() + name.dropFirst()
    }
}
