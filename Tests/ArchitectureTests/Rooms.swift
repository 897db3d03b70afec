/// Which rooms there are, and what each may import; the table of the README, enforced.
enum Rooms {
    /// Comes with the compiler and is allowed everywhere except in the pure rooms.
    static let toolchain: Set<String> = ["Swift", "Glibc", "Synchronization", "_Concurrency"]

    /// Rooms that are C modules, not Swift: their module maps are all there is.
    static let modulesOfC: Set<String> = [
        "CCrypto", "CHTTPParser", "CHiredis", "CLibPQ", "CLinux", "CRdKafka", "CWslay",
    ]

    private static let services: Set<String> = ["CartService", "InventoryService", "RestGateway"]
    private static let domains: Set<String> = ["CartDomain", "InventoryDomain"]
    private static let shims: Set<String> = ["KafkaShim", "PostgresShim", "RedisLock"]

    /// The rooms, and the rooms that each may import.
    static let allowed: [String: Set<String>] = [
        "Settings": [],
        "Telemetry": [],
        "Threading": ["CLinux"],
        "Messages": ["CCrypto"],

        "CartDomain": ["Messages"],
        "InventoryDomain": ["Messages"],
        "Catalogue": ["Messages", "Synchronization"],

        "CartService": ["CartDomain", "Messages", "Telemetry"],
        "InventoryService": ["InventoryDomain", "Messages", "Telemetry"],
        "RestGateway": ["CartDomain", "Catalogue", "Messages", "Telemetry", "WebServer"],

        "KafkaShim": ["CRdKafka", "Telemetry", "Threading"],
        "PostgresShim": ["CLibPQ", "Telemetry", "Threading"],
        "RedisLock": ["CHiredis", "Telemetry", "Threading"],

        "WebWire": ["CCrypto", "CHTTPParser", "CLinux", "CWslay"],
        "WebServer": ["Telemetry", "Threading", "WebWire"],
        "WebClient": ["Telemetry", "Threading", "WebWire"],
        "EmbeddedBroker": ["CLinux", "Telemetry", "Threading"],

        "Adapters": services.union(domains).union(shims)
            .union(["Catalogue", "Messages", "Telemetry", "Threading"]),
        "Simulation": domains.union(["CartService", "InventoryService", "Messages", "Telemetry"]),
        "Audit": ["CartDomain", "CartService", "Messages", "PostgresShim"],
        "LoadTest": ["Messages", "Telemetry", "Threading", "WebClient"],
        "Holdfast": services.union(domains).union(shims).union([
            "Adapters", "Audit", "Catalogue", "EmbeddedBroker", "LoadTest", "Messages", "Settings",
            "Simulation", "Telemetry", "Threading", "WebClient", "WebServer",
        ]),
        // The only room with Foundation: the codec is compared with it.
        "MicroBench": shims.union(["Foundation", "LoadTest", "Messages", "Telemetry"]),
    ]

    /// Rooms without input, output or clock: not even the C library.
    static let pure: Set<String> = domains.union(["Catalogue", "Settings"])

    /// Rooms that a seed can drive: they start no tasks, and time reaches them as a value.
    static let seedable: Set<String> = services.union(domains).union(["Catalogue", "Messages"])
}
