import Testing
import WebClient

extension EndToEndTests {
    /// Tests that share one cart and one inventory service behind two gateways; each has shoppers and
    /// products of its own.
    @Suite(.installation("one-of-each", gateways: 2))
    struct OneOfEach {
        /// The fields of every problem.
        static let problemFields: Set<String> = ["type", "title", "status", "detail", "slug"]

        /// Expects problem JSON as RFC 9457 has it.
        static func expectProblem(
            _ answer: Answer, _ status: Int, _ slug: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let text = answer.response.text
            #expect(answer.status == status, "\(text)", sourceLocation: sourceLocation)
            #expect(
                answer.contentType == "application/problem+json", sourceLocation: sourceLocation)
            expectProblem(answer.json, status, slug, sourceLocation: sourceLocation)
        }

        /// Expects a problem object.
        static func expectProblem(
            _ problem: JSON, _ status: Int, _ slug: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(
                problem.fieldNames.isSuperset(of: problemFields), "\(problem)",
                sourceLocation: sourceLocation)
            #expect(
                problem["status"].number == status, "\(problem)", sourceLocation: sourceLocation)
            #expect(problem["slug"].text == slug, "\(problem)", sourceLocation: sourceLocation)
            #expect(
                problem["type"].text?.hasSuffix(slug) == true, "\(problem)",
                sourceLocation: sourceLocation)
        }
    }
}
