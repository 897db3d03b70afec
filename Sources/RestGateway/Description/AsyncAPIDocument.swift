package import Messages

/// The messages on websockets and on the log, as AsyncAPI 3.0 describes them.
package struct AsyncAPIDocument: Sendable {
    package let json: JSONValue

    /// Describes all topics, and the websockets of these routes.
    package init(_ routes: [Route] = Route.table) {
        let sockets = routes.filter { $0.description.opensWebSocket }
        json = [
            "asyncapi": "3.0.0",
            "info": [
                "title": "Holdfast",
                "version": .string(DocumentInfo.version),
                "description": .string(DocumentInfo.messages),
                "license": ["name": "Apache 2.0"],
            ],
            "defaultContentType": "application/json",
            "servers": [
                "gateway": Self.server("ws", "127.0.0.1:8080", "Answers shoppers."),
                "log": Self.server("kafka", "127.0.0.1:29092", "Kafka, or `holdfast broker`."),
            ],
            "channels": .object(
                sockets.map { Self.channel($0) } + Topic.allCases.map { Self.channel($0) }),
            "operations": .object(
                sockets.flatMap { Self.operations($0) }
                    + Topic.allCases.flatMap { Self.operations($0) }),
            "components": [
                "messages": Self.messages,
                "schemas": ComponentSchema.components,
            ],
        ]
    }

    private static func server(
        _ protocolName: String, _ host: String, _ text: String
    ) -> JSONValue {
        [
            "host": "{host}", "protocol": .string(protocolName), "description": .string(text),
            "variables": ["host": ["default": .string(host)]],
        ]
    }

    // MARK: - Topics

    private static func channel(_ topic: Topic) -> JSONValue.Field {
        let description = topic.description
        return JSONValue.Field(
            topic.rawValue,
            [
                "address": .string(topic.rawValue),
                "summary": .string(description.summary),
                "servers": [["$ref": "#/servers/log"]],
                "messages": messageReferences(description.messages, prefix: topic.rawValue),
                "bindings": ["kafka": ["topic": .string(topic.rawValue)]],
            ])
    }

    private static func operations(_ topic: Topic) -> [JSONValue.Field] {
        let description = topic.description
        let channel: JSONValue = ["$ref": .string("#/channels/\(topic.rawValue)")]
        return [
            .init(
                "send-\(topic.rawValue)",
                [
                    "action": "send", "channel": channel,
                    "summary": "Written by: \(description.writer).",
                ]),
            .init(
                "receive-\(topic.rawValue)",
                [
                    "action": "receive", "channel": channel,
                    "summary": "Read by: \(description.reader).",
                ]),
        ]
    }

    // MARK: - Websockets

    private static func channel(_ route: Route) -> JSONValue.Field {
        let description = route.description
        let query = description.parameters.filter { $0.location == .query }.map(\.field)
        return JSONValue.Field(
            description.id,
            [
                "address": .string(route.pattern),
                "summary": .string(description.summary),
                "description": .string(description.details),
                "servers": [["$ref": "#/servers/gateway"]],
                "messages": messageReferences(
                    SocketDescription.fromClient + SocketDescription.fromGateway, prefix: "socket"),
                "bindings": [
                    "ws": ["method": .string(route.method), "query": JSONSchema.object(query).json]
                ],
            ])
    }

    private static func operations(_ route: Route) -> [JSONValue.Field] {
        let id = route.description.id
        let channel = "#/channels/\(id)"
        func messages(_ messages: [MessageDescription]) -> JSONValue {
            .array(messages.map { ["$ref": .string("\(channel)/messages/\($0.name)")] })
        }
        return [
            .init(
                "\(id)-receive",
                [
                    "action": "receive", "channel": ["$ref": .string(channel)],
                    "summary": "What clients send.",
                    "messages": messages(SocketDescription.fromClient),
                ]),
            .init(
                "\(id)-send",
                [
                    "action": "send", "channel": ["$ref": .string(channel)],
                    "summary": "What the gateway sends.",
                    "messages": messages(SocketDescription.fromGateway),
                ]),
        ]
    }

    // MARK: - Messages

    private static func messageReferences(
        _ messages: [MessageDescription], prefix: String
    ) -> JSONValue {
        .object(
            messages.map { message in
                let target = "#/components/messages/\(prefix).\(message.name)"
                return JSONValue.Field(message.name, ["$ref": .string(target)])
            })
    }

    private static var messages: JSONValue {
        let onSockets = SocketDescription.fromClient + SocketDescription.fromGateway
        let onTopics = Topic.allCases.flatMap { topic in
            topic.description.messages.map { message in
                component(message, prefix: topic.rawValue, on: topic.description)
            }
        }
        return .object(
            onSockets.map { component($0, prefix: "socket", on: nil) } + onTopics)
    }

    private static func component(
        _ message: MessageDescription, prefix: String, on topic: TopicDescription?
    ) -> JSONValue.Field {
        var members: [JSONValue.Field] = [
            .init("name", .string(message.name)),
            .init("summary", .string(message.summary)),
            .init("contentType", .string(message.contentType)),
            .init("payload", message.payload.json),
        ]
        if let topic {
            members.append(.init("headers", JSONSchema.object(topic.headers).json))
            if topic.headers.contains(where: { $0.name == HeaderName.requestID }) {
                let location = "$message.header#/\(HeaderName.requestID)"
                members.append(.init("correlationId", ["location": .string(location)]))
            }
            // Not by reference: AsyncAPI 3.0.0 has a schema there that takes a reference for two things.
            if let key = topic.key {
                members.append(.init("bindings", ["kafka": ["key": key.schema.json]]))
            }
        } else if message.payload != .any {
            members.append(
                .init("correlationId", ["location": "$message.payload#/requestID"]))
        }
        return JSONValue.Field("\(prefix).\(message.name)", .object(members))
    }
}

extension OperationDescription {
    /// Whether the answer may be a websocket.
    var opensWebSocket: Bool { answers.contains { $0.status == 101 } }
}
