internal import CHiredis

/// What Redis answered to one command.
enum RedisReply: Hashable, Sendable {
    case integer(Int64)
    case text(String)
    case null
    case error(String)
    case array([RedisReply])

    /// Copies a reply out of hiredis' tree.
    init(copying pointer: UnsafePointer<redisReply>, depth: Int = 0) {
        let reply = unsafe pointer.pointee
        switch unsafe reply.type {
        case REDIS_REPLY_INTEGER: self = unsafe .integer(reply.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: self = unsafe .text(Self.string(of: reply))
        case REDIS_REPLY_ERROR: self = unsafe .error(Self.string(of: reply))
        case REDIS_REPLY_ARRAY where depth < 4:
            var elements: [RedisReply] = []
            for index in 0..<(unsafe reply.elements) {
                guard let element = unsafe reply.element[index] else { continue }
                unsafe elements.append(RedisReply(copying: element, depth: depth + 1))
            }
            self = .array(elements)
        default: self = .null
        }
    }

    private static func string(of reply: redisReply) -> String {
        guard let bytes = unsafe reply.str else { return "" }
        return unsafe String(
            decoding: UnsafeRawBufferPointer(start: bytes, count: Int(reply.len)), as: UTF8.self)
    }
}
