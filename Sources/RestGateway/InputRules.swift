import Messages

/// Turns texts that clients send into values, naming what is wrong.
enum InputRules {
    static func userID(
        _ text: String, at subject: Problem.Subject
    ) throws(Problem) -> UserID {
        guard let userID = UserID(text) else {
            throw invalid(subject, "is not 1 to \(UserID.lengthMax) visible ASCII characters")
        }
        return userID
    }

    static func productCode(
        _ text: String, at subject: Problem.Subject
    ) throws(Problem) -> ProductCode {
        guard let code = ProductCode(text) else {
            throw invalid(
                subject, "is not 1 to \(ProductCode.lengthMax) of the characters A-Z a-z 0-9 . _ -")
        }
        return code
    }

    static func requestID(
        _ text: String, at subject: Problem.Subject
    ) throws(Problem) -> RequestID {
        guard let requestID = RequestID(text) else {
            throw invalid(
                subject, "is not 1 to \(RequestID.lengthMax) of the characters A-Z a-z 0-9 . _ : -")
        }
        return requestID
    }

    /// Takes how many pieces are asked for.
    static func quantity(
        _ value: Int, at subject: Problem.Subject
    ) throws(Problem) -> Int {
        guard QuantityLimits.request.contains(value) else {
            throw invalid(subject, "is not from 1 to \(QuantityLimits.request.upperBound)")
        }
        return value
    }

    /// Reads a whole number as it is written canonically: no plus sign, no leading zeros, not `-0`.
    static func integer(_ text: String, at subject: Problem.Subject) throws(Problem) -> Int {
        guard let value = WholeNumber.read(text) else {
            throw invalid(subject, "is not a whole number that fits 64 bits")
        }
        return value
    }

    /// A problem with one value; `reason` continues "the … ".
    static func invalid(_ subject: Problem.Subject, _ reason: String) -> Problem {
        switch subject {
        case .parameter(let name):
            Problem(.invalidParameter, "the parameter \"\(name)\" \(reason)", at: subject)
        case .field(let name):
            Problem(.invalidField, "the field \"\(name)\" \(reason)", at: subject)
        case .header(let name):
            Problem(.invalidHeader, "the header \"\(name)\" \(reason)", at: subject)
        }
    }
}
