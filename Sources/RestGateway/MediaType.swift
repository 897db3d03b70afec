/// The type of a body, as `Content-Type` names it (RFC 9110, section 8.3.1).
struct MediaType: Equatable {
    /// Type and subtype in lower case.
    let name: String

    /// Reads a header; `nil` if it names an encoding other than UTF-8.
    init?(_ header: String) {
        let parts = header.split(separator: ";", omittingEmptySubsequences: false)
            .map { part in String(part.trimmingBlanks()).lowercased() }
        for parameter in parts.dropFirst() where parameter.hasPrefix("charset=") {
            guard ["utf-8", "\"utf-8\""].contains(parameter.dropFirst(8)) else { return nil }
        }
        name = parts[0]
    }
}

extension Substring {
    fileprivate func trimmingBlanks() -> Substring {
        var text = self
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
