import CartDomain
import Messages

/// Carts by the cookie of a browser, and by their ID; what changes them comes from the registry of
/// commands.
struct CartOperations {
    let scope: Route.Scope

    private var group: String {
        switch scope {
        case .cookie: "Carts of browsers"
        case .byID: "Carts by their ID"
        }
    }

    private var suffix: String {
        switch scope {
        case .cookie: ""
        case .byID: "ByID"
        }
    }

    /// How a request names the cart.
    private var naming: [OperationDescription.Parameter] {
        switch scope {
        case .cookie:
            [
                .init(
                    .cookie,
                    .optional(
                        CartCookie.name,
                        .string().described(
                            "The browser's cart, a UUID. Without one, or with another text, it gets a "
                                + "new cart.")))
            ]
        case .byID: [.init(.path, .required("cartID", .component(.cartID)))]
        }
    }

    /// What answers tell of the cookie.
    private var headers: [JSONSchema.Field] {
        switch scope {
        case .cookie:
            [.optional("Set-Cookie", .string().described("The cart, where it is a new one."))]
        case .byID: []
        }
    }

    var show: OperationDescription {
        OperationDescription(
            id: "showCart" + suffix, group: group, summary: "Tells the cart as it stands",
            parameters: naming + [.ifNoneMatch, .traceparent],
            answers: OperationDescription.Answer.cart(headers), problems: Problem.Slug.ofCarts)
    }

    var drop: OperationDescription {
        OperationDescription(
            id: "dropCart" + suffix, group: group, summary: "Has the browser forget its cart",
            details: "The cart stays as it is; whoever knows its ID can use it.",
            parameters: naming,
            answers: [
                .init(
                    204, "The cookie is gone.",
                    headers: [.required("Set-Cookie", .string().described("Ends the cookie."))])
            ])
    }

    var lookUpRequest: OperationDescription {
        OperationDescription(
            id: "lookUpRequest" + suffix, group: group, summary: "Tells what became of a request",
            details: "Any gateway can be asked, for 24 h.",
            parameters: naming + [.requestID, .traceparent],
            answers: OperationDescription.Answer.lookup(headers),
            problems: [.unknownRequest, .noAnswer] + Problem.Slug.ofCarts)
    }

    var openSession: OperationDescription {
        OperationDescription(
            id: "openSession" + suffix, group: group,
            summary: "Opens a websocket that tells every change of the cart",
            details: """
                Every command can be sent as a message; `/asyncapi.json` describes the messages. The \
                cart comes first, unless it still has the version that the client says it has seen. \
                Without an upgrade (RFC 6455) the answer is 426.
                """,
            parameters: naming + [
                .init(
                    .query,
                    .optional(
                        "version",
                        .integer(in: 0...Int.max).described("The version that was seen last.")))
            ],
            answers: [.init(101, "The websocket is open.", headers: headers)],
            problems: [.originNotAllowed] + Problem.Slug.ofCarts)
    }

    var history: OperationDescription {
        OperationDescription(
            id: "showHistory", group: group, summary: "Tells what has happened to a cart",
            parameters: naming + [
                .init(
                    .query,
                    .optional(
                        "after",
                        .integer(in: 0...Int.max - 1)
                            .described("Only events after this version; the last page's `next`."))),
                .init(
                    .query,
                    .optional(
                        "limit",
                        .integer(in: 1...1_000).described("How many at most; 100 unless told."))),
            ],
            answers: [.init(200, "Events, oldest first.", [.json(.history)])],
            problems: [.unknownCart, .historyUnavailable])
    }

    /// A command, sent by one of its routes.
    func change(_ command: Route.Command) -> OperationDescription {
        let specification = command.registered.specification
        let route = command.route
        let fields = CommandSchemas.clientFields(of: command.registered)
        let inPath = route.pathFields.map { name -> OperationDescription.Parameter in
            guard let field = fields.first(where: { $0.name == name || $0.alias == name })
            else { preconditionFailure("the route of a command names no field of it: \(name)") }
            let schema = JSONSchema.value(of: field.kind, by: .client).described(field.summary)
            return .init(.path, .required(name, schema))
        }
        let required = route.requires.union(CommandSchemas.required(of: command.registered))
        var problems = [.invalidHeader] + Problem.Slug.ofCarts
        if command.takesBody { problems += Problem.Slug.ofJSON }
        if route.method == "GET" { problems.append(.originNotAllowed) }
        let isFirst = specification.routes.first?.path == route.path
        return OperationDescription(
            id: CommandSchemas.camelCase(specification.name) + (isFirst ? "" : "By" + route.method)
                + suffix,
            group: group,
            summary: String(
                specification.summary.hasSuffix(".")
                    ? specification.summary.dropLast() : specification.summary[...]),
            details: details(specification, route),
            parameters: naming + inPath + [.idempotencyKey, .ifMatch, .traceparent],
            bodies: command.takesBody
                ? [
                    .init(
                        "application/json",
                        .object(of: command.otherFields, by: .client, requiring: required))
                ] : [],
            answers: OperationDescription.Answer.outcomes(
                "Done; what the cart holds now is told.", headers: headers),
            problems: problems)
    }

    private func details(_ specification: CommandSpecification, _ route: CommandRoute) -> String {
        let fixed = route.fixed.sorted { $0.key < $1.key }.compactMap { name, value in
            if case .integer(let value) = value { "`\(name)` is \(value) here." } else { nil }
        }
        let origin =
            route.method == "GET" ? ["For links and images of the gateway's own pages only."] : []
        return ([specification.details].filter { !$0.isEmpty } + fixed + origin)
            .joined(separator: " ")
    }
}
