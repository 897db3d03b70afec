/// Finds the route of a request.
struct Router: Sendable {
    /// What was found.
    enum Match: Equatable {
        /// The operation, and the texts that stand for the segments in braces, decoded.
        case operation(Route.Operation, arguments: [String])
        /// The path exists, but not for that method; these are its methods.
        case otherMethods([String])
        /// There is nothing under the path.
        case nothing
    }

    private enum Segment {
        case literal(String)
        case argument
    }

    private struct Entry {
        let route: Route
        let segments: [Segment]
    }

    private let entries: [Entry]

    init(_ routes: [Route] = Route.table) {
        entries = routes.map { route in
            let segments = route.pattern.split(separator: "/").map { segment in
                segment.hasPrefix("{") ? Segment.argument : .literal(String(segment))
            }
            return Entry(route: route, segments: segments)
        }
    }

    /// Matches a path as it was sent, still encoded; `HEAD` is matched as `GET`.
    func match(method: String, path: String) throws(Problem) -> Match {
        guard path.utf8.first == UInt8(ascii: "/") else { return .nothing }
        var segments: [String] = []
        for segment in path.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            switch PercentEncoding.decode(segment) {
            case .success(let text): segments.append(text)
            case .failure(let error):
                throw Problem(.invalidPath, "in the path, \(error.reason)")
            }
        }
        let method = method == "HEAD" ? "GET" : method
        var methods: [String] = []
        for entry in entries {
            guard let arguments = Self.arguments(of: segments, in: entry.segments) else { continue }
            if entry.route.method == method {
                return .operation(entry.route.operation, arguments: arguments)
            }
            methods.append(entry.route.method)
            if entry.route.method == "GET" { methods.append("HEAD") }
        }
        return methods.isEmpty ? .nothing : .otherMethods(methods + ["OPTIONS"])
    }

    private static func arguments(of texts: [String], in segments: [Segment]) -> [String]? {
        guard texts.count == segments.count else { return nil }
        var arguments: [String] = []
        for (text, segment) in zip(texts, segments) {
            switch segment {
            case .literal(let literal): if text != literal { return nil }
            case .argument: arguments.append(text)
            }
        }
        return arguments
    }
}
