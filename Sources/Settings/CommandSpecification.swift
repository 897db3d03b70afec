/// A command of an executable: its name, what it does, and the settings that it takes.
package struct CommandSpecification: Sendable {
    /// As it is typed after the executable's name.
    package let name: String
    /// One sentence.
    package let summary: String
    /// In the order in which the help shows them.
    package let settings: [any SettingDeclaration]

    package init(name: String, summary: String, settings: [any SettingDeclaration]) {
        self.name = name
        self.summary = summary
        self.settings = settings
    }

    /// The help: every setting with its variable, what is allowed, and its default.
    package func help(executable: String) -> String {
        var text = "Usage: \(executable) \(name) [--setting value ...]\n\n\(summary)\n\n"
        text += "A flag wins over its environment variable, that over the default.\n"
        for setting in settings {
            text += "\n  --\(setting.name) \(setting.placeholder)   \(setting.environmentName)\n"
            for line in wrapped(setting.help, columns: 90) { text += "      \(line)\n" }
            let allowed = "Allowed: \(setting.allowed). \(standard(of: setting))"
            for line in wrapped(allowed, columns: 90) { text += "      \(line)\n" }
        }
        text += "\n  --help\n      Print this and exit.\n"
        return text
    }

    private func standard(of setting: any SettingDeclaration) -> String {
        guard let text = setting.defaultText else { return "Must be set." }
        return "Default: \(setting.isSecret && text != "none" ? hiddenText : text)"
    }
}

/// A text broken between words into lines of at most so many columns.
private func wrapped(_ text: String, columns: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
        if !line.isEmpty, line.count + 1 + word.count > columns {
            lines.append(line)
            line = ""
        }
        line += line.isEmpty ? word : " \(word)"
    }
    if !line.isEmpty { lines.append(line) }
    return lines
}
