/// What the gateway says of itself.
enum DescriptionOperations {
    private static let group = "Descriptions"

    static let openAPI = OperationDescription(
        id: "openAPI", group: group, summary: "Describes what can be asked over HTTP",
        answers: [.init(200, "OpenAPI 3.1.", [.init("application/json", openObject)])])

    static let asyncAPI = OperationDescription(
        id: "asyncAPI", group: group,
        summary: "Describes the messages on websockets and on the log",
        answers: [.init(200, "AsyncAPI 3.0.", [.init("application/json", openObject)])])

    static let docs = OperationDescription(
        id: "docs", group: group, summary: "Shows all of that to people, who can try it out",
        answers: [.init(200, "A page.", [.init("text/html", .string())])])

    static let docsFile = OperationDescription(
        id: "docsFile", group: group, summary: "Gives the parts of that page",
        parameters: [
            .init(
                .path,
                .required("file", .string(oneOf: DocsPage.File.allCases.map(\.rawValue))))
        ],
        answers: [
            .init(
                200, "A style sheet or a script.",
                [.init("text/css", .string()), .init("text/javascript", .string())])
        ],
        problems: [.notFound])

    private static let openObject = JSONSchema.object([])
}
