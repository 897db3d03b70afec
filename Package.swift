// swift-tools-version: 6.2
import PackageDescription

/// Settings of every product target: Swift 6 mode, each check the compiler offers, warnings as errors.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Settings of the test targets: the same, without the memory-safety audit, and not optimised: tests
/// build faster so, and the optimiser of Swift 6.3 crashes on some asynchronous test functions.
let strictTests: [SwiftSetting] = [
    .unsafeFlags(["-Onone"]),
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func room(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strictTests)
}

let package = Package(
    name: "Holdfast",
    products: [
        .executable(name: "holdfast", targets: ["Holdfast"]),
        // Apart, because Foundation is what it compares with.
        .executable(name: "microbench", targets: ["MicroBench"]),
    ],
    targets: [
        // C libraries, from Debian's -dev packages.
        .systemLibrary(
            name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CHTTPParser", providers: [.apt(["libhttp-parser-dev"])]),
        .systemLibrary(name: "CWslay", providers: [.apt(["libwslay-dev"])]),
        .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux"),

        // Foundations.
        room("Threading", ["CLinux"]),
        room("Telemetry", []),
        room("Settings", []),
        room("Messages", ["CCrypto"]),

        // The pure domains.
        room("CartDomain", ["Messages"]),
        room("InventoryDomain", ["Messages"]),
        room("Catalogue", ["Messages"]),

        // The services: use cases, actors, and the ports they need.
        room(
            "RestGateway",
            ["CartDomain", "Catalogue", "Messages", "Telemetry", "WebServer"],
            // Not a bundle beside the executable: a gateway is one file.
            resources: [.embedInCode("Description/Page")]),
        room("CartService", ["CartDomain", "Messages", "Telemetry"]),
        room("InventoryService", ["InventoryDomain", "Messages", "Telemetry"]),

        // One wrapper per outside world.
        room("KafkaShim", ["CRdKafka", "Threading", "Telemetry"]),
        room("PostgresShim", ["CLibPQ", "Threading", "Telemetry"]),
        room("RedisLock", ["CHiredis", "Threading", "Telemetry"]),
        room("WebWire", ["CHTTPParser", "CWslay", "CCrypto", "CLinux"]),
        room("WebServer", ["Telemetry", "Threading", "WebWire"]),
        room("WebClient", ["Telemetry", "Threading", "WebWire"]),
        room("EmbeddedBroker", ["CLinux", "Threading", "Telemetry"]),

        // The services' ports on Kafka, Postgres and Redis.
        room(
            "Adapters",
            [
                "CartDomain", "CartService", "Catalogue", "InventoryDomain", "InventoryService",
                "KafkaShim", "Messages", "PostgresShim", "RedisLock", "RestGateway", "Telemetry",
                "Threading",
            ]),
        room(
            "Simulation",
            [
                "CartDomain", "CartService", "InventoryDomain", "InventoryService", "Messages",
                "Telemetry",
            ]),
        room("Audit", ["CartDomain", "CartService", "Messages", "PostgresShim"]),
        room("LoadTest", ["Messages", "Telemetry", "Threading", "WebClient"]),
        .executableTarget(
            name: "Holdfast",
            dependencies: [
                "Adapters", "Audit", "CartService", "Catalogue", "EmbeddedBroker",
                "InventoryService", "KafkaShim", "LoadTest", "Messages", "PostgresShim",
                "RedisLock", "RestGateway",
                "Settings", "Simulation", "Telemetry", "Threading", "WebClient", "WebServer",
            ],
            swiftSettings: strict,
            // It runs where no Swift is installed, and calls of Swift's runtime cost less: 2 % of an add.
            // jemalloc takes the place of libc's allocator (ADR 0017).
            linkerSettings: [.unsafeFlags(["-static-stdlib"]), .linkedLibrary("jemalloc")]),
        .executableTarget(
            name: "MicroBench",
            dependencies: [
                "KafkaShim", "LoadTest", "Messages", "PostgresShim", "RedisLock", "Telemetry",
            ],
            swiftSettings: strict),

        tests("ArchitectureTests", []),
        tests(
            "DomainTests",
            [
                "CartDomain", "CartService", "Catalogue", "InventoryDomain", "InventoryService",
                "Messages", "Simulation",
            ]),
        tests(
            "GatewayTests",
            [
                "CartDomain", "CartService", "Catalogue", "Messages", "RestGateway", "Telemetry",
                "Threading", "WebClient", "WebServer",
            ]),
        tests("TelemetryTests", ["Telemetry"]),
        tests("SettingsTests", ["Settings"]),
        tests("WebTests", ["Telemetry", "Threading", "WebClient", "WebServer", "WebWire"]),
        tests(
            "LoadTests",
            ["LoadTest", "Messages", "Telemetry", "Threading", "WebClient", "WebServer"]),
        tests("BrokerTests", ["EmbeddedBroker", "KafkaShim", "Telemetry", "Threading"]),
        tests("KafkaShimTests", ["EmbeddedBroker", "KafkaShim", "Telemetry", "Threading"]),
        tests(
            "StorageTests",
            [
                "Adapters", "CartDomain", "CartService", "Catalogue", "EmbeddedBroker",
                "InventoryDomain", "InventoryService", "KafkaShim", "Messages", "PostgresShim",
                "RedisLock", "RestGateway", "Telemetry", "Threading",
            ]),
        tests(
            "EndToEndTests",
            ["KafkaShim", "PostgresShim", "Telemetry", "Threading", "WebClient"]),
    ]
)
