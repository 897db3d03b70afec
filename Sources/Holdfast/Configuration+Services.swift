import Settings

extension Configuration {
    static let batchMax = Setting.integer(
        "batch-max", in: 1...10_000, default: 500,
        help: "How many messages are decided and written in one transaction at most.")

    static let holdDuration = Setting.duration(
        "hold-duration", in: .seconds(1)...(.seconds(30 * 86_400)), default: .seconds(900),
        help: """
            How long holds last after the cart's last change; for cart and inventory services \
            alike. The carts have the last word.
            """)

    // MARK: Cart service

    static let cartHealthPort = healthPort("CART_HEALTH_PORT", default: 18_100)

    static let actorsMax = Setting.integer(
        "actors-max", in: 1...10_000_000, default: 50_000,
        help: "Carts kept in memory; beyond, the least recently used is let go.")

    static let actorIdle = Setting.duration(
        "actor-idle", in: .seconds(1)...(.seconds(86_400)), default: .seconds(600),
        help: "How long a cart that nobody uses is kept in memory.")

    static let snapshotEvery = Setting.integer(
        "snapshot-every", in: 1...1_000_000, default: 100,
        help: "After how many events a cart's snapshot is written, from which it is read later.")

    static let historyFor = Setting.duration(
        "history-for", in: .seconds(86_400)...(.seconds(100 * 365 * 86_400)),
        default: .seconds(30 * 86_400),
        help: "How long events are kept at least. Older ones go once a snapshot covers them.")

    static let askDeadline = Setting.duration(
        "ask-deadline", in: .milliseconds(100)...(.seconds(3_600)), default: .seconds(60),
        help: "After this time an ask that the inventory has not seen is refused.")

    static let obligationInterval = Setting.duration(
        "obligation-interval", in: .milliseconds(10)...(.seconds(60)), default: .seconds(1),
        help: """
            When what a cart still owes is sent again for the first time, then ever later; at the \
            earliest, for where the inventory is slow to answer it is waited for.
            """)

    static let cart = CommandSpecification(
        name: "cart",
        summary: "Keeps carts and their pending requests, each behind an actor.",
        settings: [healthHost, cartHealthPort, databaseURL] + log + [
            batchMax, actorsMax, actorIdle, snapshotEvery, historyFor, askDeadline, holdDuration,
            obligationInterval,
            stopDeadline, logLevel,
        ])

    // MARK: Inventory service

    static let inventoryHealthPort = healthPort("INVENTORY_HEALTH_PORT", default: 18_200)

    static let sweepInterval = Setting.duration(
        "sweep-interval", in: .milliseconds(10)...(.seconds(3_600)), default: .seconds(1),
        help: "How often holds past their time are looked for and proposed to their carts.")

    static let proposalInterval = Setting.duration(
        "proposal-interval", in: .milliseconds(100)...(.seconds(3_600)), default: .seconds(10),
        help: "When a hold that is still due is proposed to its cart again.")

    static let lockAboveQuantity = Setting.integer(
        "lock-above-quantity", in: 0...1_000_000, default: 5,
        help: "A hold of more than this needs the product's lock.")

    static let lockBelowAvailable = Setting.integer(
        "lock-below-available", in: 0...1_000_000, default: 5,
        help: "A hold that would leave fewer than this available needs the product's lock.")

    static let lockLease = Setting.duration(
        "lock-lease", in: .milliseconds(100)...(.seconds(300)), default: .seconds(5),
        help: "When a lock lapses that its owner neither released nor extended.")

    static let lockWait = Setting.duration(
        "lock-wait", in: .milliseconds(1)...(.seconds(60)), default: .milliseconds(500),
        help: "How long a batch waits for the locks that it needs.")

    static let inventory = CommandSpecification(
        name: "inventory",
        summary: "Places holds on products in Postgres, under Redis locks when stock is low.",
        settings: [healthHost, inventoryHealthPort, databaseURL, redisURL] + log + [
            batchMax, holdDuration, sweepInterval, proposalInterval, lockAboveQuantity,
            lockBelowAvailable, lockLease, lockWait, stopDeadline, logLevel,
        ])

    // MARK: Migrate

    static let migrate = CommandSpecification(
        name: "migrate",
        summary: "Creates the database's schema or brings it up to date; harmless to repeat.",
        settings: [databaseURL, logLevel])
}
