/// The values of a process's settings, checked.
///
/// A flag wins over an environment variable, which wins over the default. An environment variable
/// that is set but empty counts as not set, so that a script can pass on what it may not have.
package struct Settings: Sendable {
    /// Who decided on a value.
    package enum Origin: String, Sendable {
        case flag, environment, standard
    }

    private let specification: [any SettingDeclaration]
    private let entries: [String: (entry: any SettingEntry, origin: Origin)]

    /// Reads flags and environment against what is declared.
    ///
    /// Flags are `--name value` or `--name=value`; that of a yes-or-no setting may stand alone.
    ///
    /// - Parameters:
    ///   - specification: every setting there is; their names must differ.
    ///   - arguments: those after the command's name.
    ///   - environment: all of it; what is not declared is ignored.
    /// - Throws: everything that is wrong, at once.
    package init(
        specification: [any SettingDeclaration], arguments: [String],
        environment: [String: String]
    ) throws(SettingsError) {
        var flags = FlagReader(specification: specification)
        flags.read(arguments)
        var problems = flags.problems
        var entries: [String: (entry: any SettingEntry, origin: Origin)] = [:]
        for setting in specification {
            let given: (text: String, origin: Origin)
            if let text = flags.texts[setting.name] {
                given = (text, .flag)
            } else if let text = environment[setting.environmentName], !text.isEmpty {
                given = (text, .environment)
            } else if let entry = setting.defaultEntry {
                entries[setting.name] = (entry, .standard)
                continue
            } else {
                // A flag that came without its value is reported as that only.
                if !flags.incomplete.contains(setting.name) {
                    problems.append(.missing(setting))
                }
                continue
            }
            if let entry = setting.interpret(given.text) {
                entries[setting.name] = (entry, given.origin)
            } else {
                problems.append(.invalid(setting, text: given.text, origin: given.origin))
            }
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        self.specification = specification
        self.entries = entries
    }

    /// The value of a setting, which must be among those declared.
    package subscript<Value>(setting: Setting<Value>) -> Value {
        guard let entry = entries[setting.name]?.entry as? Setting<Value>.Entry else {
            preconditionFailure("setting \(setting.name) is not declared, or as another type")
        }
        return entry.value
    }

    /// Who decided on a setting's value; `nil` if the setting is not declared.
    package func origin(of setting: some SettingDeclaration) -> Origin? {
        entries[setting.name]?.origin
    }

    /// Every setting with its value, secrets and passwords hidden, in the order of declaration.
    package var summary: [(name: String, text: String)] {
        specification.compactMap { setting in
            entries[setting.name].map { (setting.name, $0.entry.text) }
        }
    }
}

/// Sorts arguments into flags and their texts.
private struct FlagReader {
    let specification: [any SettingDeclaration]
    var texts: [String: String] = [:]
    var incomplete: Set<String> = []
    var problems: [SettingsError.Problem] = []

    init(specification: [any SettingDeclaration]) { self.specification = specification }

    mutating func read(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--"), argument.count > 2 else {
                problems.append(.unexpected(argument))
                continue
            }
            let body = argument.dropFirst(2)
            let name = String(body.prefix { $0 != "=" })
            guard let setting = specification.first(where: { $0.name == name }) else {
                let known = specification.map(\.name)
                problems.append(.unknown(name, nearest: nearest(to: name, among: known)))
                // Its value, if one follows, is not a fault of its own.
                if let next = rest.first, !body.contains("="), !next.hasPrefix("--") {
                    rest.removeFirst()
                }
                continue
            }
            if body.contains("=") {
                record(String(body.dropFirst(name.count + 1)), for: setting)
            } else if setting.isSwitch {
                record("true", for: setting)
            } else if let next = rest.first, !next.hasPrefix("--") {
                rest.removeFirst()
                record(next, for: setting)
            } else {
                incomplete.insert(name)
                problems.append(.withoutValue(setting))
            }
        }
    }

    private mutating func record(_ text: String, for setting: any SettingDeclaration) {
        guard let earlier = texts[setting.name] else {
            texts[setting.name] = text
            return
        }
        if setting.isRepeatable {
            texts[setting.name] = "\(earlier),\(text)"
        } else {
            problems.append(.repeated(setting))
        }
    }
}
