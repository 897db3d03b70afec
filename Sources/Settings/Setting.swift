/// One thing that an operator can set, by flag or by environment variable.
///
/// A setting is declared once, as a constant, and is then the key under which its value is read from
/// ``Settings``: the type comes along, and a misspelt name does not compile.
///
/// ```swift
/// let port = Setting.integer("port", in: 0...65535, default: 8080, help: "Where to listen.")
/// let settings = try Settings(specification: [port], arguments: [], environment: [:])
/// settings[port]  // 8080, an Int
/// ```
package struct Setting<Value: Sendable>: SettingDeclaration {
    package let name: String
    package let environmentName: String
    package let help: String
    package let placeholder: String
    package let allowed: String
    package let isRepeatable: Bool
    package let isSwitch: Bool
    package private(set) var isSecret = false

    /// The value when nobody sets one; `nil` if somebody has to.
    let standard: Value?
    let read: @Sendable (String) -> Value?
    let write: @Sendable (Value) -> String

    init(
        _ name: String, environment: String?, help: String, placeholder: String, allowed: String,
        isRepeatable: Bool = false, isSwitch: Bool = false, default standard: Value?,
        read: @escaping @Sendable (String) -> Value?,
        write: @escaping @Sendable (Value) -> String
    ) {
        self.name = name
        environmentName =
            environment
            ?? String(name.uppercased().map { $0 == "-" ? "_" : $0 })
        self.help = help
        self.placeholder = placeholder
        self.allowed = allowed
        self.isRepeatable = isRepeatable
        self.isSwitch = isSwitch
        self.standard = standard
        self.read = read
        self.write = write
    }

    /// The same setting with a value that is never printed, neither in help nor in errors.
    package var secret: Setting<Value> {
        var copy = self
        copy.isSecret = true
        return copy
    }

    /// The same setting, `nil` when nobody sets it; a default that it had is dropped.
    package var optional: Setting<Value?> {
        let read = read
        let write = write
        var copy = Setting<Value?>(
            name, environment: environmentName, help: help, placeholder: placeholder,
            allowed: allowed, isRepeatable: isRepeatable, isSwitch: isSwitch,
            default: .some(nil),
            read: { text in read(text).map(Optional.some) },
            write: { value in value.map(write) ?? "none" })
        copy.isSecret = isSecret
        return copy
    }

    package var defaultText: String? { standard.map(write) }

    package func interpret(_ text: String) -> (any SettingEntry)? {
        read(text).map { Entry(value: $0, text: shown($0)) }
    }

    package var defaultEntry: (any SettingEntry)? {
        standard.map { Entry(value: $0, text: shown($0)) }
    }

    private func shown(_ value: Value) -> String { isSecret ? hiddenText : write(value) }

    struct Entry: SettingEntry {
        let value: Value
        let text: String
    }
}

/// What ``Settings`` needs to know of a setting, whatever its type.
package protocol SettingDeclaration: Sendable {
    /// The flag without its two dashes: `kafka-brokers`.
    var name: String { get }
    /// The environment variable: `KAFKA_BROKERS`.
    var environmentName: String { get }
    /// What it is for, in one or two sentences.
    var help: String { get }
    /// What stands for the value in the help: `N`, `DURATION`.
    var placeholder: String { get }
    /// The values that are allowed, to follow "is not" in an error.
    var allowed: String { get }
    /// Whether the flag may be given several times; the values are then joined with commas.
    var isRepeatable: Bool { get }
    /// Whether the flag may stand alone, meaning `true`.
    var isSwitch: Bool { get }
    /// Whether the value must never be printed.
    var isSecret: Bool { get }
    /// The default as somebody would type it; `nil` if the setting is required.
    var defaultText: String? { get }
    /// The default; `nil` if the setting is required.
    var defaultEntry: (any SettingEntry)? { get }
    /// The value that a text stands for; `nil` if it is not allowed.
    func interpret(_ text: String) -> (any SettingEntry)?
}

/// A value under its setting's type, with the text that may be shown for it.
package protocol SettingEntry: Sendable {
    /// The value as somebody would type it, or a placeholder for a secret.
    var text: String { get }
}

/// What stands where a secret would.
let hiddenText = "(hidden)"
