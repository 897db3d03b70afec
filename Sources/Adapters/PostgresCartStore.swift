package import CartService
package import Messages
package import PostgresShim

/// The carts' database on Postgres.
///
/// An append is one flight, and by that one transaction: lock the partitions, check their epochs, one
/// statement per table. Under READ COMMITTED the check sees what was committed before it began, so
/// the epochs are read as they stand after the locks were taken.
///
/// Rows come from `unnest` in the list of SELECT, which costs a fraction of the same in FROM.
package struct PostgresCartStore: CartStore {
    private let pool: PostgresPool

    /// A store on connections of ``PostgresConfiguration/service(url:applicationName:)``.
    package init(_ pool: PostgresPool) { self.pool = pool }

    package func raiseEpochs(
        _ partitions: [Int], owner: String
    ) async throws(CartStoreError) -> [Int: Int] {
        let rows = try await query(
            """
            INSERT INTO cart_partition (partition, epoch, owner, raised_at)
            SELECT DISTINCT wanted, 1, $2, now() FROM unnest($1::int4[]) AS wanted ORDER BY wanted
            ON CONFLICT (partition) DO UPDATE SET epoch = cart_partition.epoch + 1,
                owner = excluded.owner, raised_at = excluded.raised_at
            RETURNING partition, epoch
            """, [.int4Array(partitions.map { Int32($0) }), .text(owner)])
        return try decoding { () throws(PostgresError) in
            var epochs: [Int: Int] = [:]
            for row in 0..<rows.rowCount {
                epochs[Int(try rows.int4(row, 0))] = Int(try rows.int8(row, 1))
            }
            return epochs
        }
    }

    package func histories(
        of carts: [CartID]
    ) async throws(CartStoreError) -> [CartID: CartHistory] {
        // One statement, so that snapshot and events fit together whatever is written meanwhile.
        let rows = try await query(
            """
            SELECT cart_id, version, NULL, '', '', data, created_at
            FROM cart_snapshot WHERE cart_id = ANY ($1)
            UNION ALL
            SELECT event.cart_id, event.version, partition, request_id, type, event.data,
                event.created_at
            FROM unnest($1) AS wanted (cart_id)
            LEFT JOIN cart_snapshot AS snapshot ON snapshot.cart_id = wanted.cart_id
            JOIN cart_event AS event ON event.cart_id = wanted.cart_id
                AND event.version > coalesce(snapshot.version, 0)
            ORDER BY 1, 2
            """, [.uuidArray(Set(carts).map(\.bits))])
        return try decoding { () throws(PostgresError) in
            var histories: [CartID: CartHistory] = [:]
            for row in 0..<rows.rowCount {
                let cartID = CartID(bits: try rows.uuid(row, 0))
                if try rows.isNull(row, 2) {
                    histories[cartID, default: CartHistory()].snapshot = StoredSnapshot(
                        cartID: cartID, version: Int(try rows.int8(row, 1)),
                        json: try rows.bytes(row, 5))
                } else {
                    histories[cartID, default: CartHistory()].events.append(
                        try readEvent(rows, row))
                }
            }
            return histories
        }
    }

    package func events(
        of requests: [CartRequestKey]
    ) async throws(CartStoreError) -> [StoredEvent] {
        let rows = try await query(
            """
            SELECT event.cart_id, version, partition, event.request_id, type, data, created_at
            FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[])) AS key (cart_id, request_id)
            CROSS JOIN LATERAL (
                SELECT * FROM cart_event
                WHERE cart_id = key.cart_id AND request_id = key.request_id
                UNION ALL
                -- Parts of a request have its ID and a slash; the character after that is zero.
                SELECT * FROM cart_event
                WHERE cart_id = key.cart_id AND request_id > key.request_id || '/'
                    AND request_id < key.request_id || '0'
            ) AS event
            ORDER BY event.cart_id, version
            """,
            [.uuidArray(requests.map(\.cartID.bits)), .textArray(requests.map(\.requestID.text))])
        return try decoding { () throws(PostgresError) in
            var events: [StoredEvent] = []
            for row in 0..<rows.rowCount { events.append(try readEvent(rows, row)) }
            return events
        }
    }

    package func obligations(
        of partitions: [Int]
    ) async throws(CartStoreError) -> [Obligation] {
        let rows = try await query(
            """
            SELECT cart_id, request_id, partition, kind, product_code, user_id, quantity, ask_until,
                due_at, from_cart_id, from_request_id
            FROM cart_obligation WHERE partition = ANY ($1) ORDER BY due_at
            """, [.int4Array(partitions.map { Int32($0) })])
        return try decoding { () throws(PostgresError) in
            var obligations: [Obligation] = []
            for row in 0..<rows.rowCount { obligations.append(try readObligation(rows, row)) }
            return obligations
        }
    }

    package func append(_ append: CartAppend) async throws(CartStoreError) {
        var statements = epochStatements(append.epochs)
        if !append.events.isEmpty { statements.append(insertStatement(append.events)) }
        if !append.snapshots.isEmpty { statements.append(snapshotStatement(append.snapshots)) }
        // A request that stands in both keeps its obligation: saying it once too often is harmless.
        if !append.discharged.isEmpty { statements.append(deleteStatement(append.discharged)) }
        if !append.obligations.isEmpty { statements.append(upsertStatement(append.obligations)) }
        do {
            _ = try await pool.pipeline(statements)
        } catch {
            throw storeError(error)
        }
    }

    package func pruneEvents(
        from first: CartID, olderThan age: Duration
    ) async throws(CartStoreError) -> (count: Int, next: CartID?) {
        let rows = try await query(
            """
            WITH covered AS (
                SELECT cart_id, version FROM cart_snapshot
                WHERE cart_id >= $1 ORDER BY cart_id LIMIT 100
            ), pruned AS (
                DELETE FROM cart_event AS event USING covered
                CROSS JOIN LATERAL (
                    SELECT version FROM cart_event
                    WHERE cart_id = covered.cart_id AND version <= covered.version
                        AND created_at < statement_timestamp() - $2 * interval '1 ms'
                    ORDER BY version LIMIT 1000
                ) AS old
                WHERE event.cart_id = covered.cart_id AND event.version = old.version
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM pruned),
                (SELECT cart_id FROM covered ORDER BY cart_id DESC LIMIT 1)
            """, [.uuid(first.bits), .int8(age.wholeMillis)])
        return try decoding { () throws(PostgresError) in
            let last = try rows.uuidIfPresent(0, 1)
            return (
                count: Int(try rows.int8(0, 0)),
                next: last.flatMap { $0 == .max ? nil : CartID(bits: $0 + 1) }
            )
        }
    }

    private func query(
        _ sql: String, _ parameters: [PostgresParameter]
    ) async throws(CartStoreError) -> PostgresResult {
        do {
            return try await pool.withConnection { try await $0.execute(sql, parameters) }
        } catch {
            throw storeError(error)
        }
    }
}

/// The statements that lock partitions and fail, with ``Schema/fencedState``, unless their epochs are
/// the expected ones.
///
/// Whoever raises an epoch takes the same locks alone, by the trigger `cart_partition_lock`.
func epochStatements(_ epochs: [Int: Int]) -> [PostgresStatement] {
    let sorted = epochs.sorted { $0.key < $1.key }
    let partitions = PostgresParameter.int4Array(sorted.map { Int32($0.key) })
    return [
        PostgresStatement(
            "SELECT pg_advisory_xact_lock_shared(\(Schema.partitionLockClass), unnest($1::int4[]))",
            [partitions]),
        PostgresStatement(
            """
            SELECT refuse_fenced_owner()
            FROM (SELECT unnest($1::int4[]), unnest($2::int8[])) AS expected (partition, epoch)
            LEFT JOIN cart_partition AS known ON known.partition = expected.partition
            WHERE known.epoch IS DISTINCT FROM expected.epoch
            """, [partitions, .int8Array(sorted.map { Int64($0.value) })]),
    ]
}

private func insertStatement(_ events: [StoredEvent]) -> PostgresStatement {
    PostgresStatement(
        """
        INSERT INTO cart_event (cart_id, version, partition, request_id, type, data, created_at)
        SELECT unnest($1::uuid[]), unnest($2::int8[]), unnest($3::int4[]), unnest($4::text[]),
            unnest($5::text[]), unnest($6::text[])::json, unnest($7::timestamptz[])
        """,
        [
            .uuidArray(events.map(\.cartID.bits)),
            .int8Array(events.map { Int64($0.version) }),
            .int4Array(events.map { Int32($0.partition) }),
            .textArray(events.map(\.requestID.text)),
            .textArray(events.map(\.type)),
            .textArray(utf8: events.map(\.json)),
            .timestampArray(epochMillis: events.map { Int64($0.at.millis) }),
        ])
}

private func snapshotStatement(_ snapshots: [StoredSnapshot]) -> PostgresStatement {
    PostgresStatement(
        """
        INSERT INTO cart_snapshot (cart_id, version, data, created_at)
        SELECT cart_id, version, data::json, now()
        FROM unnest($1::uuid[], $2::int8[], $3::text[]) AS new (cart_id, version, data)
        ORDER BY cart_id
        ON CONFLICT (cart_id) DO UPDATE SET version = excluded.version, data = excluded.data,
            created_at = excluded.created_at
        """,
        [
            .uuidArray(snapshots.map(\.cartID.bits)),
            .int8Array(snapshots.map { Int64($0.version) }),
            .textArray(utf8: snapshots.map(\.json)),
        ])
}

private func deleteStatement(_ keys: [CartRequestKey]) -> PostgresStatement {
    PostgresStatement(
        """
        DELETE FROM cart_obligation AS obligation
        USING (SELECT unnest($1::uuid[]), unnest($2::text[])) AS key (cart_id, request_id)
        WHERE obligation.cart_id = key.cart_id AND obligation.request_id = key.request_id
        """,
        [.uuidArray(keys.map(\.cartID.bits)), .textArray(keys.map(\.requestID.text))])
}

private func upsertStatement(_ obligations: [Obligation]) -> PostgresStatement {
    let messages = obligations.map { ObligationColumns($0.message) }
    return PostgresStatement(
        """
        INSERT INTO cart_obligation
            (cart_id, request_id, partition, kind, product_code, user_id, quantity, ask_until, due_at,
            from_cart_id, from_request_id)
        SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::int4[]), unnest($4::text[]),
            unnest($5::text[]), unnest($6::text[]), unnest($7::int8[]), unnest($8::timestamptz[]),
            unnest($9::timestamptz[]), unnest($10::uuid[]), unnest($11::text[])
        ORDER BY 1, 2
        ON CONFLICT (cart_id, request_id) DO UPDATE SET partition = excluded.partition,
            kind = excluded.kind, product_code = excluded.product_code,
            user_id = excluded.user_id, quantity = excluded.quantity,
            ask_until = excluded.ask_until, due_at = excluded.due_at,
            from_cart_id = excluded.from_cart_id, from_request_id = excluded.from_request_id
        """,
        [
            .uuidArray(obligations.map(\.key.cartID.bits)),
            .textArray(obligations.map(\.key.requestID.text)),
            .int4Array(obligations.map { Int32($0.partition) }),
            .textArray(messages.map(\.kind)),
            .textArray(messages.map(\.productCode)),
            .textArray(messages.map(\.userID)),
            .int8Array(messages.map(\.quantity)),
            .timestampArray(epochMillis: messages.map(\.until)),
            .timestampArray(epochMillis: obligations.map { Int64($0.dueAt.millis) }),
            .uuidArray(messages.map(\.fromCart)),
            .textArray(messages.map(\.fromRequest)),
        ])
}

private func readEvent(_ rows: PostgresResult, _ row: Int) throws(PostgresError) -> StoredEvent {
    StoredEvent(
        cartID: CartID(bits: try rows.uuid(row, 0)), version: Int(try rows.int8(row, 1)),
        partition: Int(try rows.int4(row, 2)),
        requestID: try stored(RequestID(ofPart: try rows.text(row, 3)), "request ID"),
        type: try rows.text(row, 4), json: try rows.bytes(row, 5),
        at: Timestamp(millis: Int(try rows.timestampMillis(row, 6))))
}

/// What an obligation says, as it stands in its row.
private struct ObligationColumns {
    let kind: String
    let userID: String
    var productCode: String?
    var quantity: Int64?
    var until: Int64?
    var fromCart: UInt128?
    var fromRequest: String?

    init(_ message: Obligation.Message) {
        switch message {
        case .inventory(let request):
            userID = request.userID.text
            productCode = request.productCode.text
            switch request.action {
            case .ask(let quantity, let until, let source):
                kind = "ask"
                self.quantity = Int64(quantity)
                self.until = Int64(until.millis)
                fromCart = source?.cartID.bits
                fromRequest = source?.requestID.text
            case .lower(let quantity, let source):
                kind = "lower"
                self.quantity = Int64(quantity)
                fromCart = source?.cartID.bits
                fromRequest = source?.requestID.text
            case .extend, .recount: preconditionFailure("only asks and lowers are owed")
            }
        case .fetch(_, let userID, let other):
            kind = "fetch"
            self.userID = userID.text
            fromCart = other.bits
        }
    }
}

private func readObligation(
    _ rows: PostgresResult, _ row: Int
) throws(PostgresError) -> Obligation {
    let cartID = CartID(bits: try rows.uuid(row, 0))
    let requestID = try stored(RequestID(ofPart: try rows.text(row, 1)), "request ID")
    let userID = try stored(UserID(try rows.text(row, 5)), "user ID")
    let fromCart = try rows.uuidIfPresent(row, 9).map { CartID(bits: $0) }
    let kind = try rows.text(row, 3)
    let message: Obligation.Message
    if kind == "fetch" {
        let key = CartRequestKey(cartID: cartID, requestID: requestID)
        message = .fetch(key, userID: userID, from: try stored(fromCart, "cart"))
    } else {
        let quantity = Int(try rows.int8(row, 6))
        var source: HoldSource?
        if let fromCart {
            source = HoldSource(
                cartID: fromCart,
                requestID: try stored(
                    RequestID(ofPart: try rows.text(row, 10)), "request ID"))
        }
        message = .inventory(
            InventoryRequest(
                cartID: cartID, requestID: requestID, userID: userID,
                productCode: try stored(ProductCode(try rows.text(row, 4)), "product code"),
                action: kind == "ask"
                    ? .ask(
                        quantity: quantity,
                        until: Timestamp(millis: Int(try rows.timestampMillis(row, 7))),
                        from: source)
                    : .lower(to: quantity, from: source)))
    }
    return Obligation(
        message: message, partition: Int(try rows.int4(row, 2)),
        dueAt: Timestamp(millis: Int(try rows.timestampMillis(row, 8))))
}

private func decoding<Value>(
    _ body: () throws(PostgresError) -> Value
) throws(CartStoreError) -> Value {
    do throws(PostgresError) {
        return try body()
    } catch {
        throw .refused(error.description)
    }
}

private func storeError(_ error: any Error) -> CartStoreError {
    guard let error = error as? PostgresError else { return .unavailable("\(error)") }
    if error.sqlState == Schema.fencedState { return .fenced }
    if error.isUniqueViolation, error.constraint == "cart_event_pkey" { return .conflict }
    return error.isInputRefused
        ? .refused(error.description) : .unavailable(error.description)
}
