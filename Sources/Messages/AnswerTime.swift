/// How long answers take of late, and so how long one may be missing before it is taken for lost.
///
/// Where answers are slow because there is much to do, to ask again only adds to it: each request would
/// be worked on twice, all would be slower still, and soon little else would be done.
package struct AnswerTime: Sendable {
    private let limits: ClosedRange<Duration>
    /// A moving mean, of the weight that TCP gives to a round trip (RFC 6298).
    private var meanMillis = 0.0

    /// - Parameter limits: the shortest and the longest ``patience``.
    package init(limits: ClosedRange<Duration>) { self.limits = limits }

    /// How long to wait for an answer: four times what they have taken of late, within the limits.
    package var patience: Duration {
        min(max(limits.lowerBound, .milliseconds(4 * meanMillis)), limits.upperBound)
    }

    /// Takes note of an answer; one that took longer than the longest patience, as after an outage,
    /// counts for no more than that.
    package mutating func note(from asked: Timestamp, to answered: Timestamp) {
        let counted = min(max(answered, asked), asked + limits.upperBound)
        meanMillis += (Double(counted.millis - asked.millis) - meanMillis) / 8
    }
}
