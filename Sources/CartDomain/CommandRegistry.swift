import Messages

/// All kinds of commands that carts know: one line for each.
package struct CommandRegistry: Sendable {
    let add = Registered<AddItem>()
    let remove = Registered<RemoveProduct>()
    let removeLine = Registered<RemoveLine>()
    let setQuantity = Registered<SetQuantity>()
    let replaceItems = Registered<ReplaceItems>()
    let merge = Registered<MergeCart>()
    let addDelivery = Registered<AddDelivery>()
    let removeDelivery = Registered<RemoveDelivery>()
    let setPickupPoint = Registered<SetPickupPoint>()
}

extension CommandRegistry {
    /// The commands, in the order of their lines.
    package static let commands: [any RegisteredCommand] =
        Mirror(reflecting: CommandRegistry()).children
        .compactMap { $0.value as? any RegisteredCommand }

    private static let byName = index { $0.specification.name }
    private static let byChange = index { $0.changeType }
    private static let byPart = index { $0.partName }

    /// The command of that name; `nil` if there is none.
    package static func command(named name: String) -> (any RegisteredCommand)? { byName[name] }

    /// The command that writes events of that type; `nil` if there is none.
    package static func command(ofChange type: String) -> (any RegisteredCommand)? {
        byChange[type]
    }

    /// A command that keeps the part of that name; `nil` if there is none.
    package static func command(ofPart name: String) -> (any RegisteredCommand)? { byPart[name] }

    private static func index(
        by key: (any RegisteredCommand) -> String
    ) -> [String: any RegisteredCommand] {
        Dictionary(commands.map { (key($0), $0) }.filter { !$0.0.isEmpty }) { first, _ in first }
    }
}

/// A line of the registry, whatever its command is.
package protocol RegisteredCommand: Sendable {
    var specification: CommandSpecification { get }
    /// The command's fields.
    var fields: [CommandField] { get }
    /// The type of the command's own event; empty without one.
    var changeType: String { get }
    /// What that event tells.
    var changeSummary: String { get }
    /// The fields of that event.
    var changeFields: [CommandField] { get }
    /// The part of the cart that the command keeps; empty without one.
    var partName: String { get }
    /// The fields of that part.
    var partFields: [CommandField] { get }

    /// The command with these values.
    func command(_ values: FieldValues) throws(FieldProblem) -> any CartCommand
    /// The command's own event with these values.
    func change(_ values: FieldValues) throws(FieldProblem) -> any CartChange
    /// The part that the command keeps, with these values.
    func part(_ values: FieldValues) throws(FieldProblem) -> any CartPart
}

/// The line of one command in the registry.
package struct Registered<Command: CartCommand>: RegisteredCommand {
    package var specification: CommandSpecification { Command.specification }
    package var fields: [CommandField] { Command.fields }
    package var changeType: String { Command.Change.type }
    package var changeSummary: String { Command.Change.summary }
    package var changeFields: [CommandField] { Command.Change.fields }
    package var partName: String { Command.Change.Part.name }
    package var partFields: [CommandField] { Command.Change.Part.fields }

    package func command(_ values: FieldValues) throws(FieldProblem) -> any CartCommand {
        try Command(values)
    }

    package func change(_ values: FieldValues) throws(FieldProblem) -> any CartChange {
        try Command.Change(values)
    }

    package func part(_ values: FieldValues) throws(FieldProblem) -> any CartPart {
        try Command.Change.Part(values)
    }
}
