import Messages

/// What a message of a gateway says about a request of a load test.
///
/// Tens of thousands come in a second, so the usual shape is read in place, without building strings; any
/// other shape goes through the codec.
enum AnswerText: Equatable {
    /// A request's outcome; its number as the load test gave it.
    case outcome(number: Int, Outcome)
    /// The request is still under way: an outcome follows.
    case pending
    /// An answer to what is no numbered request: a socket's first one.
    case greeting
    /// A change of the cart.
    case changed
    /// A problem instead of an outcome; the request's number, if told.
    case refused(number: Int?)
    case malformed

    /// The ID under which a socket asks first.
    static let greetingID = "open"

    private static let prefix = Array(#"{"type":"outcome","requestID":""#.utf8)
    private static let statusField = Array(#"","status":""#.utf8)
    private static let reasonField = Array(#"","reason":""#.utf8)
    private static let accepted = Array("accepted".utf8)
    private static let rejected = Array("rejected".utf8)
    private static let pendingStatus = Array("pending".utf8)
    private static let reasons: [(text: [UInt8], outcome: Outcome)] = RejectionReason.allCases.map {
        (Array($0.rawValue.utf8), Outcome(.rejected, $0))
    }

    init(_ text: [UInt8]) { self = Self.usual(text) ?? Self.any(text) }

    private static func usual(_ text: [UInt8]) -> AnswerText? {
        guard matches(prefix, text, at: 0) else { return nil }
        var position = prefix.count
        var number = 0
        while position < text.count, case let digit = text[position], 0x30...0x39 ~= digit {
            guard number < 1 << 48 else { return nil }
            number = number * 10 + Int(digit - 0x30)
            position += 1
        }
        guard position > prefix.count, matches(statusField, text, at: position) else { return nil }
        position += statusField.count
        if matches(accepted, text, at: position), isEnd(text, position + accepted.count) {
            return .outcome(number: number, .accepted)
        }
        if matches(pendingStatus, text, at: position),
            isEnd(text, position + pendingStatus.count)
        {
            return .pending
        }
        guard matches(rejected, text, at: position) else { return nil }
        position += rejected.count
        guard matches(reasonField, text, at: position) else { return nil }
        position += reasonField.count
        for reason in reasons
        where matches(reason.text, text, at: position) && isEnd(text, position + reason.text.count)
        {
            return .outcome(number: number, reason.outcome)
        }
        return nil
    }

    private static func matches(_ part: [UInt8], _ text: [UInt8], at position: Int) -> Bool {
        guard position + part.count <= text.count else { return false }
        for index in part.indices where text[position + index] != part[index] { return false }
        return true
    }

    private static func isEnd(_ text: [UInt8], _ position: Int) -> Bool {
        position < text.count && text[position] == UInt8(ascii: "\"")
    }

    private static func any(_ text: [UInt8]) -> AnswerText {
        var reader = JSONReader(text)
        var type: String?
        var requestID: String?
        var status: RequestStatus?
        var reason: RejectionReason?
        do throws(JSONError) {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "type": type = try reader.string()
                case "requestID": requestID = try reader.string()
                case "status": status = RequestStatus(rawValue: try reader.string())
                case "reason": reason = RejectionReason(rawValue: try reader.string())
                default: try reader.skipValue()
                }
            }
        } catch {
            return .malformed
        }
        let number = requestID.flatMap { Int($0) }
        switch (type, status) {
        case ("outcome", .pending?): return .pending
        case ("outcome", let status?):
            guard let number else { return .greeting }
            return .outcome(number: number, Outcome(status, reason))
        case ("changed", _): return .changed
        case ("error", _): return .refused(number: number)
        default: return .malformed
        }
    }
}
