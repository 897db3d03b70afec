package import InventoryDomain
package import InventoryService
package import Messages
package import PostgresShim

/// The inventory's database on Postgres.
///
/// A transaction is two flights: BEGIN, lock the products in code order, read ledger and clock; then,
/// decided on the connection's own thread, write and COMMIT. Under READ COMMITTED each statement sees
/// what was committed before it began, so the ledger is read as it stands after the locks were taken.
///
/// On a guess it is one flight: lock the products in code order and fail unless they are as guessed;
/// write. That no hold was known, the ledger's primary key says.
package struct PostgresInventoryStore: InventoryStore {
    private let pool: PostgresPool

    /// A store on connections of ``PostgresConfiguration/service(url:applicationName:)``.
    package init(_ pool: PostgresPool) { self.pool = pool }

    package func transact<Decision: Sendable>(
        products: [ProductCode], holds: [HoldKey], counts: [ProductCode],
        guess: InventorySnapshot?,
        _ decide: @Sendable (InventorySnapshot) -> (InventoryChanges, Decision)
    ) async throws(InventoryStoreError) -> Decision {
        do {
            if let guess {
                let (changes, decision) = decide(guess)
                if changes.onlyPlacesHolds, try await commit(changes, if: guess, of: products) {
                    return decision
                }
            }
            return try await pool.withConnection { connection in
                try await connection.pipeline(readStatements(products, holds, counts)) { read in
                    let snapshot = InventorySnapshot(
                        now: Timestamp(millis: Int(try read[2].timestampMillis(0, 11))),
                        products: try readProducts(read[1]), holds: try readHolds(read[2]),
                        counts: counts.isEmpty ? [:] : try readCounts(read[3]))
                    let (changes, decision) = decide(snapshot)
                    return (writeStatements(changes) + [.commit], decision)
                }
            }
        } catch {
            throw storeError(error)
        }
    }

    /// Writes changes that a guess led to, unless it was wrong.
    ///
    /// - Returns: whether they are committed.
    private func commit(
        _ changes: InventoryChanges, if guess: InventorySnapshot, of products: [ProductCode]
    ) async throws -> Bool {
        do {
            // Without BEGIN the flight is one transaction.
            _ = try await pool.pipeline(
                [guessStatement(guess, products)] + writeStatements(changes))
            return true
        } catch let error as PostgresError
            where error.sqlState == Schema.wrongGuessState || error.isUniqueViolation
        {
            return false
        }
    }

    package func proposeDueHolds(
        max: Int, repeatAfter: Duration
    ) async throws(InventoryStoreError) -> [InventoryResponse] {
        let rows = try await execute(
            """
            UPDATE hold SET proposed_at = statement_timestamp()
            FROM (
                SELECT cart_id, request_id FROM hold
                WHERE hold_quantity > 0 AND expires_at <= statement_timestamp()
                    AND (proposed_at IS NULL
                        OR proposed_at <= statement_timestamp() - $2 * interval '1 ms')
                ORDER BY expires_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
            ) AS due
            WHERE hold.cart_id = due.cart_id AND hold.request_id = due.request_id
            RETURNING hold.cart_id, hold.request_id, product_code, user_id, ask_quantity,
                hold_quantity
            """, [.int8(Int64(max)), .int8(repeatAfter.wholeMillis)])
        do {
            return try (0..<rows.rowCount).map { row in
                InventoryResponse(
                    cartID: CartID(bits: try rows.uuid(row, 0)),
                    requestID: try stored(RequestID(ofPart: try rows.text(row, 1)), "request ID"),
                    productCode: try stored(ProductCode(try rows.text(row, 2)), "product code"),
                    answer: .holdDue(
                        InventoryResponse.HeldPieces(
                            userID: try stored(UserID(try rows.text(row, 3)), "user ID"),
                            askQuantity: Int(try rows.int8(row, 4)),
                            quantity: Int(try rows.int8(row, 5)))))
            }
        } catch {
            throw storeError(error)
        }
    }

    package func pruneHolds(
        olderThan age: Duration, max: Int
    ) async throws(InventoryStoreError) -> Int {
        let rows = try await execute(
            """
            DELETE FROM hold USING (
                SELECT cart_id, request_id FROM hold
                WHERE hold_quantity = 0 AND created_at < statement_timestamp() - $2 * interval '1 ms'
                ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
            ) AS spent
            WHERE hold.cart_id = spent.cart_id AND hold.request_id = spent.request_id
            RETURNING 1
            """, [.int8(Int64(max)), .int8(age.wholeMillis)])
        return rows.rowCount
    }

    private func execute(
        _ sql: String, _ parameters: [PostgresParameter]
    ) async throws(InventoryStoreError) -> PostgresResult {
        do {
            return try await pool.withConnection { try await $0.execute(sql, parameters) }
        } catch {
            throw storeError(error)
        }
    }
}

private func readStatements(
    _ products: [ProductCode], _ holds: [HoldKey], _ counts: [ProductCode]
) -> [PostgresStatement] {
    let statements = [
        .begin,
        PostgresStatement(
            """
            SELECT product_code, name, quantity, held, fence FROM inventory
            WHERE product_code = ANY ($1) ORDER BY product_code FOR UPDATE
            """,
            [.textArray(products.map(\.text))]),
        PostgresStatement(
            """
            SELECT hold.cart_id, hold.request_id, product_code, user_id, ask_quantity,
                hold_quantity, status, reason, available, created_at, expires_at, now
            FROM (SELECT clock_timestamp() AS now) AS clock LEFT JOIN (
                (SELECT unnest($1::uuid[]), unnest($2::text[])) AS key (cart_id, request_id)
                JOIN hold ON hold.cart_id = key.cart_id AND hold.request_id = key.request_id
            ) ON true
            """,
            [.uuidArray(holds.map(\.cartID.bits)), .textArray(holds.map(\.requestID.text))]),
    ]
    if counts.isEmpty { return statements }
    let count = PostgresStatement(
        """
        SELECT code, coalesce(sum(hold_quantity), 0)::int8
        FROM unnest($1::text[]) AS code LEFT JOIN hold ON product_code = code AND hold_quantity > 0
        GROUP BY 1
        """, [.textArray(counts.map(\.text))])
    return statements + [count]
}

/// Locks products, and fails with ``Schema/wrongGuessState`` unless they are as guessed.
private func guessStatement(
    _ guess: InventorySnapshot, _ codes: [ProductCode]
) -> PostgresStatement {
    let products = codes.compactMap { guess.products[$0] }
    return PostgresStatement(
        """
        SELECT refuse_wrong_guess()
        FROM (
            SELECT array_agg(product_code) AS codes, array_agg(name) AS names,
                array_agg(quantity) AS quantities, array_agg(held) AS held,
                array_agg(fence) AS fences
            FROM (
                SELECT product_code, name, quantity, held, fence FROM inventory
                WHERE product_code = ANY ($1) ORDER BY product_code FOR UPDATE
            ) AS locked
        ) AS found
        WHERE codes IS DISTINCT FROM $1 OR names IS DISTINCT FROM $2
            OR quantities IS DISTINCT FROM $3 OR held IS DISTINCT FROM $4
            OR fences IS DISTINCT FROM $5
            OR abs(extract(epoch FROM clock_timestamp() - $6)) * 1000 > $7
        """,
        [
            .textArray(codes.map(\.text)), .textArray(products.map(\.name)),
            .int8Array(products.map { Int64($0.quantity) }),
            .int8Array(products.map { Int64($0.held) }),
            .int8Array(products.map { Int64($0.fence) }),
            .timestamp(epochMillis: Int64(guess.now.millis)),
            .int8(Int64(InventoryChanges.clockToleranceMillis)),
        ])
}

private func writeStatements(_ changes: InventoryChanges) -> [PostgresStatement] {
    var statements: [PostgresStatement] = []
    let products = changes.products
    if !products.isEmpty {
        statements.append(
            PostgresStatement(
                """
                UPDATE inventory SET held = held + change.held_delta,
                    fence = greatest(inventory.fence, change.fence), updated_at = now()
                FROM (SELECT unnest($1::text[]), unnest($2::int8[]), unnest($3::int8[]))
                    AS change (code, held_delta, fence)
                WHERE product_code = change.code
                """,
                [
                    .textArray(products.map(\.code.text)),
                    .int8Array(products.map { Int64($0.heldDelta) }),
                    .int8Array(products.map { Int64($0.fence) }),
                ]))
    }
    if !changes.newHolds.isEmpty { statements.append(insertStatement(changes.newHolds)) }
    if !changes.loweredHolds.isEmpty {
        let lowered = Array(changes.loweredHolds)
        statements.append(
            PostgresStatement(
                """
                UPDATE hold SET hold_quantity = lowered.quantity
                FROM (SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::int8[]))
                    AS lowered (cart_id, request_id, quantity)
                WHERE hold.cart_id = lowered.cart_id AND hold.request_id = lowered.request_id
                """,
                [
                    .uuidArray(lowered.map(\.key.cartID.bits)),
                    .textArray(lowered.map(\.key.requestID.text)),
                    .int8Array(lowered.map { Int64($0.value) }),
                ]))
    }
    if !changes.extendedHolds.isEmpty {
        let extended = Array(changes.extendedHolds)
        statements.append(
            PostgresStatement(
                """
                UPDATE hold SET expires_at = greatest(hold.expires_at, extended.until)
                FROM (SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::timestamptz[]))
                    AS extended (cart_id, request_id, until)
                WHERE hold.cart_id = extended.cart_id AND hold.request_id = extended.request_id
                    AND hold_quantity > 0
                """,
                [
                    .uuidArray(extended.map(\.key.cartID.bits)),
                    .textArray(extended.map(\.key.requestID.text)),
                    .timestampArray(epochMillis: extended.map { Int64($0.value.millis) }),
                ]))
    }
    return statements
}

private func insertStatement(_ holds: [Hold]) -> PostgresStatement {
    let statuses = holds.map { statusColumns($0.status) }
    return PostgresStatement(
        """
        INSERT INTO hold (cart_id, request_id, product_code, user_id, ask_quantity, hold_quantity,
            status, reason, available, created_at, expires_at)
        SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]),
            unnest($5::int8[]), unnest($6::int8[]), unnest($7::text[]), unnest($8::text[]),
            unnest($9::int8[]), unnest($10::timestamptz[]), unnest($11::timestamptz[])
        """,
        [
            .uuidArray(holds.map(\.key.cartID.bits)),
            .textArray(holds.map(\.key.requestID.text)),
            .textArray(holds.map(\.productCode.text)),
            .textArray(holds.map(\.userID.text)),
            .int8Array(holds.map { Int64($0.askQuantity) }),
            .int8Array(holds.map { Int64($0.holdQuantity) }),
            .textArray(statuses.map(\.status)),
            .textArray(statuses.map(\.reason)),
            .int8Array(statuses.map(\.available)),
            .timestampArray(epochMillis: holds.map { Int64($0.createdAt.millis) }),
            .timestampArray(epochMillis: holds.map { $0.expiresAt.map { Int64($0.millis) } }),
        ])
}

private func statusColumns(
    _ status: Hold.Status
) -> (status: String, reason: String?, available: Int64?) {
    switch status {
    case .held: ("held", nil, nil)
    case .refused(let reason, let available): ("refused", reason.rawValue, Int64(available))
    case .cancelled: ("cancelled", nil, nil)
    }
}

private func readProducts(_ rows: PostgresResult) throws -> [ProductCode: Product] {
    var products: [ProductCode: Product] = [:]
    products.reserveCapacity(rows.rowCount)
    for row in 0..<rows.rowCount {
        let code = try stored(ProductCode(try rows.text(row, 0)), "product code")
        products[code] = Product(
            code: code, name: try rows.text(row, 1), quantity: Int(try rows.int8(row, 2)),
            held: Int(try rows.int8(row, 3)), fence: Int(try rows.int8(row, 4)))
    }
    return products
}

private func readCounts(_ rows: PostgresResult) throws -> [ProductCode: Int] {
    var counts: [ProductCode: Int] = [:]
    for row in 0..<rows.rowCount {
        let code = try stored(ProductCode(try rows.text(row, 0)), "product code")
        counts[code] = Int(try rows.int8(row, 1))
    }
    return counts
}

/// The one row of a ledger without any of the holds has only the clock.
private func readHolds(_ rows: PostgresResult) throws -> [HoldKey: Hold] {
    if try rows.isNull(0, 0) { return [:] }
    var holds: [HoldKey: Hold] = [:]
    holds.reserveCapacity(rows.rowCount)
    for row in 0..<rows.rowCount {
        let key = HoldKey(
            cartID: CartID(bits: try rows.uuid(row, 0)),
            requestID: try stored(RequestID(ofPart: try rows.text(row, 1)), "request ID"))
        let expiresAt = try rows.timestampMicrosIfPresent(row, 10)
        holds[key] = Hold(
            key: key, productCode: try stored(ProductCode(try rows.text(row, 2)), "product code"),
            userID: try stored(UserID(try rows.text(row, 3)), "user ID"),
            askQuantity: Int(try rows.int8(row, 4)), holdQuantity: Int(try rows.int8(row, 5)),
            status: try readStatus(rows, row),
            createdAt: Timestamp(millis: Int(try rows.timestampMillis(row, 9))),
            expiresAt: expiresAt.map { Timestamp(millis: Int($0 / 1000)) })
    }
    return holds
}

private func readStatus(_ rows: PostgresResult, _ row: Int) throws -> Hold.Status {
    switch try rows.text(row, 6) {
    case "held": return .held
    case "cancelled": return .cancelled
    default:
        let reason = InventoryRefusal(rawValue: try rows.textIfPresent(row, 7) ?? "")
        return .refused(
            try stored(reason, "refusal"), available: Int(try rows.int8IfPresent(row, 8) ?? 0))
    }
}

/// A value of a row in the domain's terms.
func stored<Value>(_ value: Value?, _ what: String) throws(PostgresError) -> Value {
    guard let value else {
        throw PostgresError(
            kind: .decoding, sqlState: "22000", message: "a row holds no valid \(what)")
    }
    return value
}

private func storeError(_ error: any Error) -> InventoryStoreError {
    guard let error = error as? PostgresError else { return .unavailable("\(error)") }
    // A hold that another transaction inserted meanwhile is seen by the next attempt.
    return error.isInputRefused && !error.isUniqueViolation
        ? .refused(error.description) : .unavailable(error.description)
}
