import Messages
import WebServer

/// What a request's conditional headers ask (RFC 9110, section 13), for versions of a cart.
enum Preconditions {
    /// The entity tag of a version.
    static func tag(_ version: Int) -> String { "\"\(version)\"" }

    /// The version that `If-Match` asks for; `nil` if any will do.
    static func ifMatch(_ request: HTTPRequest) throws(Problem) -> Int? {
        let headers = request.headers.all("If-Match")
        guard let text = headers.first, text != "*" else { return nil }
        guard headers.count == 1, text.utf8.count >= 3, text.first == "\"", text.last == "\"",
            let version = WholeNumber.read(String(text.dropFirst().dropLast())), version >= 0
        else {
            throw InputRules.invalid(
                .header("If-Match"), "is not * or one ETag of a cart, such as \"17\"")
        }
        return version
    }

    /// Whether the client has that version already, by `If-None-Match`.
    static func isKnown(_ version: Int, to request: HTTPRequest) -> Bool {
        request.headers.all("If-None-Match").contains { header in
            header.split(separator: ",").contains { tag in
                let tag = tag.drop { $0 == " " }.prefix { $0 != " " }
                return tag == "*" || tag == Self.tag(version) || tag == "W/" + Self.tag(version)
            }
        }
    }
}
