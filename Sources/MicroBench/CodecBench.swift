import Foundation
import Messages

/// The codec of the messages on the log, beside Foundation's.
enum CodecBench {
    /// What an ask says, for Foundation.
    private struct PlainAsk: Codable {
        var type: String
        var quantity: Int
        var askUntil: Int
        var cartID: String
        var requestID: String
        var userID: String
        var productCode: String
    }

    private struct InvalidSample: Error {}

    static func measure(calls: Int, into figures: inout Figures) throws {
        guard let userID = UserID("load-4fx81kq-1234"), let code = ProductCode("load-4fx81kq-17"),
            let requestID = RequestID("7f1c2a9be04d4f")
        else { throw InvalidSample() }
        let cartID = CartID(of: userID)
        let until = 1_790_000_000_000
        let ask = InventoryRequest(
            cartID: cartID, requestID: requestID, userID: userID, productCode: code,
            action: .ask(quantity: 2, until: Timestamp(millis: until)))
        let plain = PlainAsk(
            type: "ask", quantity: 2, askUntil: until, cartID: "\(cartID)",
            requestID: requestID.text, userID: userID.text, productCode: code.text)
        let bytes = ask.encoded()
        let data = Data(bytes)
        let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
        // Counted, so that no call can be left out.
        var seen = 0
        let encode = try Stopwatch.alternately(turns: 11, calls: calls) {
            seen += ask.encoded().count
        } _: {
            seen += try encoder.encode(plain).count
        }
        let decode = try Stopwatch.alternately(turns: 11, calls: calls) {
            seen += try InventoryRequest(decoding: bytes, traceparent: nil).userID.text.utf8.count
        } _: {
            seen += try decoder.decode(PlainAsk.self, from: data).userID.utf8.count
        }
        guard seen > 0 else { throw InvalidSample() }
        figures.add(
            "Encode an ask of \(bytes.count) bytes; Foundation's JSONEncoder",
            micros: encode.first / 1_000, baseline: encode.second / 1_000)
        figures.add(
            "Decode it; Foundation's JSONDecoder", micros: decode.first / 1_000,
            baseline: decode.second / 1_000)
    }
}
