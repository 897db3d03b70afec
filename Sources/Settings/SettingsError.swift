/// Everything that is wrong with a process's settings.
package struct SettingsError: Error, CustomStringConvertible {
    /// One thing that is wrong.
    package enum Problem: Sendable {
        /// The text is not allowed.
        case invalid(any SettingDeclaration, text: String, origin: Settings.Origin)
        /// Nobody set it, and it has no default.
        case missing(any SettingDeclaration)
        /// The flag came last, or another flag stands where its value should.
        case withoutValue(any SettingDeclaration)
        /// The flag came twice.
        case repeated(any SettingDeclaration)
        /// No setting has this name.
        case unknown(String, nearest: String?)
        /// An argument that is not a flag.
        case unexpected(String)
    }

    /// In the order in which they were found; at least one.
    package let problems: [Problem]

    /// One line for each problem.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

extension SettingsError.Problem: CustomStringConvertible {
    /// One line that names the setting, the wrong value, and what is allowed.
    package var description: String {
        switch self {
        case .invalid(let setting, let text, let origin):
            let given = origin == .flag ? "--\(setting.name)" : setting.environmentName
            let other = origin == .flag ? setting.environmentName : "--\(setting.name)"
            let value = setting.isSecret ? hiddenText : "\"\(printable(text))\""
            return "\(given) (or \(other)): \(value) is not \(setting.allowed)"
        case .missing(let setting):
            return "--\(setting.name) (or \(setting.environmentName)): must be set, to "
                + setting.allowed
        case .withoutValue(let setting):
            return "--\(setting.name): needs a value, \(setting.allowed)"
        case .repeated(let setting):
            return "--\(setting.name): may be given only once"
        case .unknown(let name, let nearest):
            let hint = nearest.map { "; did you mean --\($0)?" } ?? ""
            return "--\(printable(name)): there is no such setting\(hint)"
        case .unexpected(let argument):
            return "\"\(printable(argument))\": not expected, every setting is a --flag"
        }
    }
}

/// A text fit for one line of a terminal: control characters replaced, and cut when very long.
private func printable(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(200) {
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        shown.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
    }
    return text.unicodeScalars.count > 200 ? shown + "..." : shown
}
