import Messages
import Testing

@testable import LoadTest

@Suite struct AnswerTextTests {
    private static func outcome(
        _ requestID: String, _ status: RequestStatus, _ reason: RejectionReason? = nil,
        message: String? = nil, cart: CartView? = nil
    ) throws -> [UInt8] {
        CartResponse(
            cartID: CartID(bits: 1),
            content: .outcome(
                try #require(RequestID(requestID)), status, reason: reason, message: message,
                cart: cart), replyPartition: 0
        ).encoded()
    }

    private static let cart = CartView(cartID: CartID(bits: 1), version: 3, lines: [], pending: [])

    @Test func `what the codec writes is understood`() throws {
        #expect(
            AnswerText(try Self.outcome("17", .accepted, cart: Self.cart))
                == .outcome(number: 17, .accepted))
        #expect(AnswerText(try Self.outcome("0", .pending, message: "later")) == .pending)
        for reason in RejectionReason.allCases {
            #expect(
                AnswerText(try Self.outcome("4", .rejected, reason, cart: Self.cart))
                    == .outcome(number: 4, Outcome(.rejected, reason)))
            #expect(Outcome(.rejected, reason).name == reason.rawValue)
            #expect(Outcome(.rejected, reason).isRejection)
        }
        #expect(AnswerText(try Self.outcome("open", .accepted, cart: Self.cart)) == .greeting)
        let changed = CartResponse(
            cartID: CartID(bits: 1), content: .changed(Self.cart), replyPartition: 0)
        #expect(AnswerText(changed.encoded()) == .changed)
    }

    @Test(arguments: [
        (
            #"{"requestID":"9","status":"accepted","type":"outcome"}"#,
            AnswerText.outcome(number: 9, .accepted)
        ),
        (
            #"{"type":"outcome","requestID":"9","status":"rejected","cart":null,"reason":"cart-full"}"#,
            .outcome(number: 9, .rejected(.cartFull))
        ),
        (
            #"{"type":"outcome","requestID":"9","status":"rejected","reason":"a-new-one"}"#,
            .outcome(number: 9, .rejected(.failed))
        ),
        (#"{"type":"outcome","requestID":"9x","status":"accepted"}"#, .greeting),
        (#"{"type":"error","requestID":"5","problem":{"slug":"overloaded"}}"#, .refused(number: 5)),
        (#"{"type":"error","problem":{}}"#, .refused(number: nil)),
        (#"{"type":"outcome","requestID":"1"}"#, .malformed),
        (#"{"type":"outcome","requestID":"1","status":"acc"#, .malformed),
        (#"{"type":"outcome","requestID":""#, .malformed),
        ("", .malformed), ("[]", .malformed),
    ])
    func `other shapes are understood too`(text: String, expected: AnswerText) {
        #expect(AnswerText(Array(text.utf8)) == expected)
    }
}
