import CartService
import Messages
import Synchronization

extension Life {
    /// Ends all faults, and lets the suite come to rest.
    func heal() {
        trace.note("all faults end")
        world.cartStore.setAway(false)
        world.inventoryStore.setAway(false)
        world.cartStore.state.withLock { $0.faults = [] }
        world.inventoryStore.state.withLock { $0.faults = [] }
        world.locks.state.withLock { state in
            state.isAway = false
            state.staleTokens = 0
        }
        world.topics.cartRequests.lose(oneIn: nil)
        world.topics.inventoryRequests.lose(oneIn: nil)
        world.topics.inventoryResponses.lose(oneIn: nil)
        for instance in world.carts {
            instance.outbox.setAway(false)
            instance.log.failCommits(false)
            instance.process.killAfter(steps: .max)
        }
        for instance in world.inventories {
            instance.outbox.setAway(false)
            instance.process.killAfter(steps: .max)
        }
        wakeZombies()
        world.pass(.seconds(10))
        settle()
    }

    /// Gateways ask again for what was not answered (rule L3), until all is quiet.
    private func settle() {
        for round in 0..<30 {
            listen()
            if round % 3 == 0, variant != .noRepeats {
                for request in history.unanswered { world.ask(request) }
            }
            world.pass(.seconds(10))
            listen()
            if history.unanswered.isEmpty, world.cartStore.obligations.isEmpty,
                quietViolations.isEmpty
            {
                break
            }
        }
        if !history.holdsLast {
            world.pass(holdsFor + .seconds(60))
            listen()
        }
        violations = quietViolations
        violations += history.unanswered.map { "never answered: \($0.brief)" }
        do {
            violations += try history.violations(of: world)
            if !history.holdsLast { violations += try world.linesLeft() }
        } catch {
            violations.append("an event cannot be read: \(error)")
        }
    }

    private var quietViolations: [String] {
        do {
            return try world.quietViolations()
        } catch {
            return ["an event cannot be read: \(error)"]
        }
    }
}
