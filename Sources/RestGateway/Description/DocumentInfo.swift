/// What both documents say of the suite.
package enum DocumentInfo {
    /// The version of the suite.
    package static let version = "0.1.0"

    /// What holds for all operations.
    static let http = """
        A gateway turns requests into messages on a log, and what the log answers into answers. \
        Whatever changes a cart has a request ID; asked again under the same ID, it has the same \
        outcome, whichever gateway is asked.

        Requests are read strictly: an unknown query parameter, an unknown field or a number that \
        does not fit is an error, not a guess. Errors are problem JSON (RFC 9457); decide by `slug`. \
        Where nothing is under a path the answer is 404 `not-found`; where a path has other methods, \
        405 `method-not-allowed` with `Allow`. Every path answers OPTIONS with its methods, and HEAD \
        where it answers GET.
        """

    /// What holds for all messages.
    static let messages = """
        Shoppers' websockets, and the log between the services. Values on the log are JSON; readers \
        pass unknown fields over, so that a newer writer may add some. Delivery is at least once: \
        a request is known by cart ID and request ID, and has one outcome however often it comes.
        """
}
