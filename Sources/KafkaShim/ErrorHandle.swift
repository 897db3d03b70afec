import CRdKafka

/// The symbolic name of a code.
func errorName(_ error: rd_kafka_resp_err_t) -> String {
    unsafe String(cString: rd_kafka_err2name(error))
}

/// librdkafka's text for a code.
func errorText(_ error: rd_kafka_resp_err_t) -> String {
    unsafe String(cString: rd_kafka_err2str(error))
}

extension KafkaError {
    /// Takes over an `rd_kafka_error_t` that a call returned and destroys it.
    ///
    /// - Returns: `nil` where the call succeeded and returned no error.
    init?(consuming error: OpaquePointer?) {
        guard let error = unsafe error else { return nil }
        defer { unsafe rd_kafka_error_destroy(error) }
        self.init(
            code: unsafe rd_kafka_error_code(error).rawValue,
            name: unsafe String(cString: rd_kafka_error_name(error)),
            message: unsafe String(cString: rd_kafka_error_string(error)),
            isRetriable: unsafe rd_kafka_error_is_retriable(error) != 0
                || KafkaError(rd_kafka_error_code(error)).isRetriable,
            isFatal: unsafe rd_kafka_error_is_fatal(error) != 0)
    }
}

/// Runs `body` with a buffer for an error's text, and reads the text afterwards.
///
/// - Parameter body: what writes a zero-terminated text into the buffer that it is lent.
func errorText<Result>(
    _ body: (UnsafeMutablePointer<CChar>, Int) -> Result
) -> (result: Result, text: String) {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
        unsafe buffer.initialize(repeating: 0)
        guard let start = buffer.baseAddress else {
            preconditionFailure("an allocation of 512 bytes has an address")
        }
        let result = unsafe body(start, buffer.count)
        return (result, unsafe String(cString: start))
    }
}
