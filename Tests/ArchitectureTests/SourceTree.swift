import Foundation

/// The sources of this checkout, found by way of this very file.
enum SourceTree {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The names of the directories under `Sources`.
    static func rooms() throws -> [String] {
        let sources = root.appending(path: "Sources")
        return try FileManager.default.contentsOfDirectory(atPath: sources.path).filter {
            (try? FileManager.default.contentsOfDirectory(
                atPath: sources.appending(path: $0).path)) != nil
        }.sorted()
    }

    /// Every Swift file below a directory of the checkout.
    static func swiftFiles(in directory: String) throws -> [SourceFile] {
        let base = root.appending(path: directory)
        return try FileManager.default.subpathsOfDirectory(atPath: base.path)
            .filter { $0.hasSuffix(".swift") }.sorted()
            .map { path in
                let text = try String(contentsOf: base.appending(path: path), encoding: .utf8)
                return SourceFile(path: "\(directory)/\(path)", text: text)
            }
    }
}

/// A Swift file with what the rules ask of it.
struct SourceFile {
    /// Relative to the checkout.
    let path: String
    let text: String
    /// The text without comments and without what stands in string literals.
    let code: String

    init(path: String, text: String) {
        self.path = path
        self.text = text
        code = codeOnly(text)
    }

    var lineCount: Int { text.split(separator: "\n", omittingEmptySubsequences: false).count - 1 }

    /// The modules that the file imports, in whatever form.
    var imports: [String] {
        code.split(separator: "\n").filter { $0.contains("import") }.compactMap { line in
            let match = line.wholeMatch(
                of:
                    /\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias|actor)\s+)?(\w+)[\w.]*;?\s*/
            )
            return match.map { String($0.1) }
        }
    }
}

/// Swift source with comments removed and string literals emptied, line by line as before.
///
/// A literal's interpolations go with it: a rule about code inside one would be missed, which is
/// accepted for a reader this small.
private func codeOnly(_ text: String) -> String {
    var code: [UInt8] = []
    var rest = Array(text.utf8)[...]
    /// Drops bytes up to and with `end`; keeps line feeds, and skips escapes where they exist.
    func skip(to end: [UInt8], escape: UInt8?) {
        while let byte = rest.first, !rest.starts(with: end) {
            if byte == escape { rest = rest.dropFirst() }
            if rest.first == UInt8(ascii: "\n") { code.append(UInt8(ascii: "\n")) }
            rest = rest.dropFirst()
        }
        rest = rest.dropFirst(end.count)
    }
    while let byte = rest.first {
        if rest.starts(with: "//".utf8) {
            rest = rest.drop { $0 != UInt8(ascii: "\n") }
        } else if rest.starts(with: "/*".utf8) {
            rest = rest.dropFirst(2)
            var depth = 1
            while depth > 0, let inner = rest.first {
                if rest.starts(with: "/*".utf8) {
                    depth += 1
                    rest = rest.dropFirst(2)
                } else if rest.starts(with: "*/".utf8) {
                    depth -= 1
                    rest = rest.dropFirst(2)
                } else {
                    if inner == UInt8(ascii: "\n") { code.append(inner) }
                    rest = rest.dropFirst()
                }
            }
        } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "#") {
            let pounds = rest.prefix { $0 == UInt8(ascii: "#") }
            let afterPounds = rest[pounds.endIndex...]
            let quote = Array(
                (afterPounds.starts(with: "\"\"\"".utf8) ? "\"\"\"" : "\"").utf8)
            guard afterPounds.starts(with: quote) else {
                code.append(contentsOf: pounds)
                rest = afterPounds
                continue
            }
            rest = afterPounds.dropFirst(quote.count)
            code.append(contentsOf: "\"\"".utf8)
            skip(to: quote + pounds, escape: pounds.isEmpty ? UInt8(ascii: "\\") : nil)
        } else {
            code.append(byte)
            rest = rest.dropFirst()
        }
    }
    return String(decoding: code, as: UTF8.self)
}
