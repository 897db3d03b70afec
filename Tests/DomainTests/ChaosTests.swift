import Messages
import Testing

@testable import CartService
@testable import Simulation

@Suite struct ChaosTests {
    @Test(arguments: 1...120)
    func `whatever goes wrong, when all is quiet every promise is kept`(seed: UInt64) throws {
        let chaos = Chaos(seed: seed)
        chaos.live(steps: 120)
        #expect(chaos.contradictions == [])
        #expect(chaos.unanswered == [])
        #expect(try chaos.outcomeViolations() == [])
        try chaos.world.checkQuiet()
        // Quiet means that nothing is said any more, either.
        let said = chaos.world.topics.inventoryRequests.values.count
        chaos.world.pass(.seconds(120))
        #expect(chaos.world.topics.inventoryRequests.values.count == said)
    }

    @Test func `the same seed lives the same life`() {
        let lives = (0..<2).map { _ in
            let chaos = Chaos(seed: 42)
            chaos.live(steps: 80)
            return chaos.world.topics.cartRequests.records.map(\.count).description
                + chaos.world.topics.inventoryRequests.values.map { "\($0)" }.joined()
                + chaos.world.topics.cartEvents.map { "\($0.json)" }.joined()
                + chaos.world.topics.responses.map { "\($0)" }.joined()
        }
        #expect(lives[0] == lives[1])
    }
}
