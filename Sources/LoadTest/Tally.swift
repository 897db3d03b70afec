/// What every client asked and was told: the side of the story that the database is checked against.
package struct Tally: Sendable {
    /// One request.
    package struct Record: Sendable, Equatable {
        /// For which instant it was intended, in nanoseconds of the loop's clock.
        package var intended: UInt64
        package var user: Int32
        package var product: Int32
        package var quantity: Int32
        /// The place of its socket; the next user there may be another one.
        var slot: Int32
        var phase: Int16
        package var operation: Operation
        package var outcome = Outcome.unanswered

        package init(
            _ operation: Operation, user: Int, product: Int, quantity: Int,
            intended: UInt64 = 0, outcome: Outcome = .unanswered
        ) {
            self.intended = intended
            self.user = Int32(user)
            self.product = Int32(product)
            self.quantity = Int32(quantity)
            slot = 0
            phase = 0
            self.operation = operation
            self.outcome = outcome
        }
    }

    /// Requests lie in blocks, so that no growth ever copies them all in the middle of a measurement.
    private static let blockBits = 16
    private var blocks: [[Record]] = []

    /// How many requests there are; they are numbered from 0.
    package private(set) var count = 0
    /// Requests that were answered again, with another outcome.
    package internal(set) var contradictions = 0

    package init() {}

    package init(_ records: [Record]) {
        for record in records { append(record) }
    }

    package subscript(number: Int) -> Record {
        get { blocks[number >> Self.blockBits][number & (1 << Self.blockBits - 1)] }
        _modify { yield &blocks[number >> Self.blockBits][number & (1 << Self.blockBits - 1)] }
    }

    /// Adds a request; returns its number.
    @discardableResult
    mutating func append(_ record: Record) -> Int {
        if count >> Self.blockBits == blocks.count {
            var block: [Record] = []
            block.reserveCapacity(1 << Self.blockBits)
            blocks.append(block)
        }
        blocks[blocks.count - 1].append(record)
        count += 1
        return count - 1
    }
}
