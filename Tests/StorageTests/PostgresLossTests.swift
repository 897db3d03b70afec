import Telemetry
import Testing

@testable import PostgresShim

@Suite struct PostgresLossTests {
    @Test func `a killed backend is noticed before anything is sent`() async throws {
        try await withConnection { connection in
            try await kill(connection)
            let error = try await postgresError {
                _ = try await connection.pipeline([.begin, PostgresStatement("SELECT 1"), .commit])
            }
            #expect(error.isConnectionLost && error.isRetriable && !error.isCommitUnknown)
            #expect(connection.state == .closed)
            let again = try await postgresError { try await connection.ping() }
            #expect(again.isConnectionLost)
        }
    }

    @Test func `a loss before COMMIT was reached is no unknown commit`() async throws {
        try await withConnection { connection in
            let error = try await postgresError {
                _ = try await connection.pipeline([
                    .begin, PostgresStatement("SELECT pg_terminate_backend(pg_backend_pid())"),
                    .commit,
                ])
            }
            #expect(error.sqlState == "57P01")
            #expect(error.statementIndex == 1)
            #expect(error.isConnectionLost && error.isRetriable && !error.isCommitUnknown)
        }
    }

    @Test func `a loss in the place of COMMIT is an unknown commit`() async throws {
        try await withConnection { connection in
            _ = try await connection.pipeline([
                PostgresStatement("CREATE TABLE item (id int8)"),
                PostgresStatement(
                    """
                    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
                    """),
                PostgresStatement(
                    """
                    CREATE CONSTRAINT TRIGGER die AFTER INSERT ON item
                    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()
                    """),
            ])
            let error = try await postgresError {
                _ = try await connection.pipeline([
                    .begin, PostgresStatement("INSERT INTO item VALUES (1)"), .commit,
                ])
            }
            #expect(error.isConnectionLost && error.isCommitUnknown)
            #expect(error.statementIndex == 2)
        }
    }

    @Test func `a loss without a transaction of one's own is an unknown commit`() async throws {
        try await withConnection {
            $0.callTimeout = .milliseconds(300)
            $0.statementTimeout = .zero
        } _: { connection in
            _ = try await connection.execute("CREATE TABLE item (id int8)")
            let error = try await postgresError {
                _ = try await connection.execute("INSERT INTO item SELECT 1 FROM pg_sleep(2)")
            }
            #expect(error.isConnectionLost && error.isCommitUnknown)
        }
    }

    @Test func `a silent server fails the call at its deadline`() async throws {
        try await withConnection {
            $0.callTimeout = .milliseconds(300)
            $0.statementTimeout = .zero
        } _: { connection in
            let error = try await postgresError {
                _ = try await connection.pipeline([
                    .begin, PostgresStatement("SELECT pg_sleep(2)"),
                ])
            }
            #expect(error.isConnectionLost && error.isRetriable && !error.isCommitUnknown)
            #expect(connection.state == .closed)
        }
    }

    @Test func `a server that accepts and stays silent fails connecting`() async throws {
        let server = try TestServer.silent()
        defer { server.stop() }
        var configuration = PostgresConfiguration(
            url: "postgres://anna:secret@127.0.0.1:\(server.port)/shop")
        configuration.connectTimeout = .milliseconds(200)
        let error = try await postgresError {
            _ = try await PostgresConnection.connect(configuration)
        }
        #expect(error.isConnectionLost && error.isRetriable)
        #expect(!"\(error)".contains("secret"))
    }

    @Test(arguments: [
        "postgres://anna:secret@127.0.0.1:1/shop",
        "postgres://anna:sec@ret@127.0.0.1:1/shop",
        "postgres://anna:secret@127.0.0.1:secret/shop",
        "postgres://anna:secret@[::1/shop",
        "postgres://anna:secret@127.0.0.1:1/shop?secret=1",
        "secret",
    ])
    func `no error shows a password`(url: String) async throws {
        let configuration = PostgresConfiguration(url: url)
        let error = try await postgresError {
            _ = try await PostgresConnection.connect(configuration)
        }
        #expect(error.sqlState == "08001")
        for text in ["\(error)", "\(configuration)", String(reflecting: configuration)] {
            #expect(!text.contains("secret") && !text.contains("ret@"))
        }
    }

    @Test func `settings reach the session`() async throws {
        try await withConnection {
            $0.settings["work_mem"] = "1234kB"
            $0.statementTimeout = .seconds(7)
        } _: { connection in
            let rows = try await connection.execute(
                "SELECT current_setting('work_mem'), current_setting('statement_timeout')")
            #expect(try rows.text(0, 0) == "1234kB")
            #expect(try rows.text(0, 1) == "7s")
        }
    }

    @Test func `rows are copied in`() async throws {
        try await withConnection { connection in
            _ = try await connection.execute("CREATE TABLE item (id int8, name text)")
            let chunks = (0..<1000).map { Array("\($0)\tname \($0)\n".utf8) }
            #expect(try await connection.copyIn("COPY item FROM STDIN", chunks) == 1000)
            #expect(connection.state == .idle)
            let rows = try await connection.execute("SELECT count(*), max(id) FROM item")
            #expect(try rows.int8(0, 0) == 1000 && rows.int8(0, 1) == 999)
        }
    }

    @Test func `an aborted copy leaves nothing and the connection usable`() async throws {
        try await withConnection { connection in
            _ = try await connection.execute("CREATE TABLE item (id int8)")
            _ = try await connection.pipeline([.begin])
            try await connection.beginCopy("COPY item FROM STDIN")
            try await connection.sendCopy(Array("1\n2\n".utf8))
            #expect(connection.state == .copying)
            let busy = try await postgresError { try await connection.ping() }
            #expect(busy.kind == .usage)
            try await connection.abortCopy("the caller gave up")
            #expect(connection.state == .idle)
            #expect(try await connection.execute("SELECT count(*) FROM item").int8(0, 0) == 0)
        }
    }

    @Test func `bad data fails the copy and leaves the connection usable`() async throws {
        try await withConnection { connection in
            _ = try await connection.execute("CREATE TABLE item (id int8)")
            let error = try await postgresError {
                _ = try await connection.copyIn(
                    "COPY item FROM STDIN", [Array("1\n".utf8), Array("two\n".utf8)])
            }
            #expect(error.sqlState == "22P02")
            #expect(try await connection.execute("SELECT count(*) FROM item").int8(0, 0) == 0)
        }
    }

    @Test func `a copy into nothing and a statement that is no copy are refused`() async throws {
        try await withConnection { connection in
            let missing = try await postgresError {
                try await connection.beginCopy("COPY nothing FROM STDIN")
            }
            #expect(missing.sqlState == "42P01")
            let noCopy = try await postgresError { try await connection.beginCopy("SELECT 1") }
            #expect(noCopy.kind == .usage)
            try await connection.ping()
            let wrongWay = try await postgresError {
                try await connection.beginCopy("COPY (SELECT 1) TO STDOUT")
            }
            #expect(wrongWay.isConnectionLost)
        }
    }

    @Test func `a backend killed during a copy is a lost connection`() async throws {
        try await withConnection { connection in
            _ = try await connection.execute("CREATE TABLE item (id int8)")
            let pid = await connection.backendProcessID
            try await connection.beginCopy("COPY item FROM STDIN")
            try await connection.sendCopy(Array("1\n".utf8))
            try await killBackend(pid)
            let error = try await postgresError {
                try await connection.sendCopy(Array("2\n".utf8))
                _ = try await connection.finishCopy()
            }
            #expect(error.isConnectionLost)
            #expect(connection.state == .closed)
        }
    }
}

/// Ends the backend of a connection and waits until it is gone.
func kill(_ connection: PostgresConnection) async throws {
    try await killBackend(await connection.backendProcessID)
}

func killBackend(_ pid: Int32) async throws {
    let admin = try await PostgresConnection.connect(
        PostgresConfiguration(url: try setting("DATABASE_URL")))
    _ = try await admin.execute("SELECT pg_terminate_backend($1, 10000)", [.int4(pid)])
    await admin.close()
}
