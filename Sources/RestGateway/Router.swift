/// Finds the route of a request.
struct Router: Sendable {
    /// What was found.
    enum Match: Equatable {
        /// The route, and the texts that stand for the segments in braces, decoded.
        case route(Route, arguments: [String])
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
            let segments = route.pattern.dropFirst()
                .split(separator: "/", omittingEmptySubsequences: false).map { segment in
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
        // A cart's path may end in a slash, as that of the cookie's cart does.
        if segments.count == 4, segments[...1] == ["cart", "byid"], segments[3].isEmpty {
            segments.removeLast()
        }
        var methods: [String] = []
        for entry in entries {
            guard let arguments = Self.arguments(of: segments, in: entry.segments) else { continue }
            // What changes something does not answer to HEAD, which is safe by definition.
            let isHeadToo = entry.route.method == "GET" && entry.route.command == nil
            if entry.route.method == method || (isHeadToo && method == "HEAD") {
                return .route(entry.route, arguments: arguments)
            }
            methods.append(entry.route.method)
            if isHeadToo { methods.append("HEAD") }
        }
        return methods.isEmpty ? .nothing : .otherMethods(methods + ["OPTIONS"])
    }

    private static func arguments(of texts: [String], in segments: [Segment]) -> [String]? {
        guard texts.count == segments.count else { return nil }
        var arguments: [String] = []
        for (text, segment) in zip(texts, segments) {
            switch segment {
            case .literal(let literal): if text != literal { return nil }
            case .argument: if text.isEmpty { return nil } else { arguments.append(text) }
            }
        }
        return arguments
    }
}
