extension Setting where Value == String {
    /// Any text that is not empty.
    package static func text(
        _ name: String, environment: String? = nil, default standard: String? = nil,
        placeholder: String = "TEXT", help: String
    ) -> Setting {
        Setting(
            name, environment: environment, help: help, placeholder: placeholder,
            allowed: "a text that is not empty", default: standard,
            read: { $0.isEmpty ? nil : $0 }, write: { $0 })
    }
}

extension Setting where Value == Int {
    /// A whole number within a range.
    package static func integer(
        _ name: String, environment: String? = nil, in range: ClosedRange<Int>,
        default standard: Int? = nil, help: String
    ) -> Setting {
        Setting(
            name, environment: environment, help: help, placeholder: "N",
            allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            default: standard,
            read: { text in Int(text).flatMap { range.contains($0) ? $0 : nil } },
            write: { String($0) })
    }

    /// A number of bytes, such as `64KiB` or `16MiB`.
    package static func byteCount(
        _ name: String, environment: String? = nil, in range: ClosedRange<Int>,
        default standard: Int? = nil, help: String
    ) -> Setting {
        let bounds =
            "\(ByteCountText.text(of: range.lowerBound)) to "
            + ByteCountText.text(of: range.upperBound)
        return Setting(
            name, environment: environment, help: help, placeholder: "SIZE",
            allowed: "a size from \(bounds), such as 64KiB or 16MiB", default: standard,
            read: { text in
                ByteCountText.value(of: text).flatMap { range.contains($0) ? $0 : nil }
            },
            write: ByteCountText.text(of:))
    }
}

extension Setting where Value == Bool {
    /// Yes or no; the flag alone means yes.
    package static func flag(
        _ name: String, environment: String? = nil, default standard: Bool = false, help: String
    ) -> Setting {
        Setting(
            name, environment: environment, help: help, placeholder: "true|false",
            allowed: "true or false", isSwitch: true, default: standard,
            read: { text in
                switch text.lowercased() {
                case "true", "yes", "on", "1": true
                case "false", "no", "off", "0": false
                default: nil
                }
            },
            write: { $0 ? "true" : "false" })
    }
}

extension Setting where Value == Duration {
    /// A duration, such as `500ms`, `30s` or `15m`.
    package static func duration(
        _ name: String, environment: String? = nil, in range: ClosedRange<Duration>,
        default standard: Duration? = nil, help: String
    ) -> Setting {
        let bounds =
            "\(DurationText.text(of: range.lowerBound)) to "
            + DurationText.text(of: range.upperBound)
        return Setting(
            name, environment: environment, help: help, placeholder: "DURATION",
            allowed: "a duration from \(bounds), such as 500ms, 30s or 15m", default: standard,
            read: { text in
                DurationText.value(of: text).flatMap { range.contains($0) ? $0 : nil }
            },
            write: DurationText.text(of:))
    }
}

extension Setting where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of an enumeration's cases, by raw value.
    package static func choice(
        _ name: String, environment: String? = nil, default standard: Value? = nil, help: String
    ) -> Setting {
        let names = Value.allCases.map(\.rawValue)
        return Setting(
            name, environment: environment, help: help,
            placeholder: names.joined(separator: "|"),
            allowed: "one of \(names.joined(separator: ", "))", default: standard,
            read: { Value(rawValue: $0) }, write: { $0.rawValue })
    }
}

extension Setting where Value == ServiceURL {
    /// The URL of a service.
    ///
    /// - Parameter schemes: those allowed, the usual one first.
    package static func url(
        _ name: String, environment: String? = nil, schemes: [String],
        default standard: ServiceURL? = nil, help: String
    ) -> Setting {
        Setting(
            name, environment: environment, help: help, placeholder: "URL",
            allowed: urlAllowed(schemes), default: standard,
            read: { ServiceURL($0, schemes: schemes) }, write: { $0.redacted })
    }
}

extension Setting where Value == [ServiceURL] {
    /// At least one URL; several stand between commas or spaces, or the flag is repeated.
    package static func urls(
        _ name: String, environment: String? = nil, schemes: [String],
        default standard: [ServiceURL]? = nil, help: String
    ) -> Setting {
        Setting(
            name, environment: environment, help: help, placeholder: "URL[,URL...]",
            allowed: "a list in which each is \(urlAllowed(schemes))", isRepeatable: true,
            default: standard,
            read: { text in elements(of: text) { ServiceURL($0, schemes: schemes) } },
            write: { $0.map(\.redacted).joined(separator: ",") })
    }
}

extension Setting where Value == [HostPort] {
    /// At least one `host:port`; several stand between commas or spaces, or the flag is repeated.
    package static func hostPorts(
        _ name: String, environment: String? = nil, default standard: [HostPort]? = nil,
        help: String
    ) -> Setting {
        Setting(
            name, environment: environment, help: help, placeholder: "HOST:PORT[,...]",
            allowed: "a list of host:port, such as 127.0.0.1:9092,[::1]:9093",
            isRepeatable: true, default: standard,
            read: { text in elements(of: text) { HostPort($0) } },
            write: { $0.map(\.text).joined(separator: ",") })
    }
}

extension Setting {
    /// A value of a kind that its owner reads.
    ///
    /// - Parameter allowed: what it is, to follow "Allowed:".
    package static func parsed(
        _ name: String, environment: String? = nil, placeholder: String, allowed: String,
        default standard: Value? = nil, help: String,
        read: @escaping @Sendable (String) -> Value?, write: @escaping @Sendable (Value) -> String
    ) -> Setting {
        Setting(
            name, environment: environment, help: help, placeholder: placeholder,
            allowed: allowed, default: standard, read: read, write: write)
    }

    /// At least one value of a kind that its owner reads; several stand between commas or spaces, or
    /// the flag is repeated.
    ///
    /// - Parameter allowed: what each value is, to follow "in which each is".
    package static func list<Element: Sendable>(
        _ name: String, environment: String? = nil, placeholder: String, allowed: String,
        help: String, read: @escaping @Sendable (String) -> Element?,
        write: @escaping @Sendable (Element) -> String
    ) -> Setting where Value == [Element] {
        Setting(
            name, environment: environment, help: help, placeholder: "\(placeholder)[,...]",
            allowed: "a list in which each is \(allowed)", isRepeatable: true, default: nil,
            read: { text in elements(of: text, read) },
            write: { $0.map(write).joined(separator: ",") })
    }
}

private func urlAllowed(_ schemes: [String]) -> String {
    let shapes = schemes.map { "\($0)://host[:port][/path]" }
    return "a URL like \(shapes.joined(separator: " or "))"
}

/// The elements of a list between commas or spaces; `nil` if there are none or one is wrong.
private func elements<Element>(of text: String, _ read: (String) -> Element?) -> [Element]? {
    var elements: [Element] = []
    for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
        guard let element = read(String(part)) else { return nil }
        elements.append(element)
    }
    return elements.isEmpty ? nil : elements
}
