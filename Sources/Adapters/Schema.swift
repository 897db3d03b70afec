/// The tables of the suite, as the steps that lead from an empty database to the newest shape.
///
/// A step that was released is never edited; a change is a further step.
package enum Schema {
    /// One step, carried out in one transaction.
    struct Migration: Sendable {
        let name: String
        let statements: [String]
    }

    /// The version that this binary needs: the number of steps.
    package static var version: Int { migrations.count }

    /// The SQLSTATE of a check that fails because another owner has raised an epoch.
    static let fencedState = "HF001"

    /// The SQLSTATE of a check that fails because products are not as they were guessed to be.
    static let wrongGuessState = "HF002"

    /// The first key of a cart partition's advisory lock, in SQL: no other database or schema has it.
    static let partitionLockClass = "'cart_partition'::regclass::oid::int4"

    static let migrations: [Migration] = [
        Migration(name: "inventory, holds and carts", statements: inventory + holds + carts),
        Migration(name: "expiry of holds", statements: holdExpiry),
        Migration(name: "snapshots of carts", statements: snapshots),
        Migration(name: "merging of carts", statements: merging),
        Migration(name: "products", statements: products),
        Migration(name: "locks of cart partitions", statements: partitionLocks),
        Migration(name: "cheaper checks of obligations", statements: obligationChecks),
        Migration(name: "cheaper checks of holds", statements: holdChecks),
        Migration(name: "guesses at products", statements: productGuesses),
    ]

    private static let inventory = [
        // A hold updates its product's row in place: room on each page keeps the updates HOT.
        """
        CREATE TABLE inventory (
            product_code text COLLATE "C" PRIMARY KEY,
            name text NOT NULL,
            quantity bigint NOT NULL,
            held bigint NOT NULL DEFAULT 0,
            price_minor bigint NULL CHECK (price_minor >= 0),
            fence bigint NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT inventory_never_oversold CHECK (held BETWEEN 0 AND quantity)
        ) WITH (fillfactor = 70)
        """,
        """
        CREATE VIEW available_products AS
        SELECT product_code, name, quantity, held, quantity - held AS available, price_minor
        FROM inventory
        """,
    ]

    private static let holds = [
        """
        CREATE TABLE hold (
            cart_id uuid NOT NULL,
            request_id text COLLATE "C" NOT NULL,
            product_code text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            ask_quantity bigint NOT NULL,
            hold_quantity bigint NOT NULL,
            status text NOT NULL CHECK (status IN ('held', 'refused', 'cancelled')),
            reason text NULL,
            available bigint NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NULL,
            PRIMARY KEY (cart_id, request_id),
            CONSTRAINT hold_never_grows CHECK (0 <= hold_quantity AND hold_quantity <= ask_quantity)
        )
        """,
        "CREATE INDEX hold_product ON hold (product_code) WHERE hold_quantity > 0",
        "CREATE INDEX hold_expiry ON hold (expires_at) WHERE hold_quantity > 0",
    ]

    private static let holdExpiry = [
        "ALTER TABLE hold ADD proposed_at timestamptz NULL",
        "CREATE INDEX hold_spent ON hold (created_at) WHERE hold_quantity = 0",
    ]

    private static let snapshots = [
        """
        CREATE TABLE cart_snapshot (
            cart_id uuid PRIMARY KEY,
            version bigint NOT NULL CHECK (version > 0),
            data json NOT NULL,
            created_at timestamptz NOT NULL
        )
        """
    ]

    private static let merging = [
        """
        ALTER TABLE cart_obligation
            DROP CONSTRAINT cart_obligation_kind_check,
            ADD CONSTRAINT cart_obligation_kind_check CHECK (kind IN ('ask', 'lower', 'fetch')),
            ALTER product_code DROP NOT NULL,
            ALTER quantity DROP NOT NULL,
            ADD from_cart_id uuid NULL,
            ADD from_request_id text COLLATE "C" NULL,
            ADD CHECK ((kind = 'fetch') = (product_code IS NULL)),
            ADD CHECK ((kind = 'fetch') = (quantity IS NULL))
        """,
        // The table has only what is open: who takes partitions over reads all of it.
        "DROP INDEX cart_obligation_partition",
    ]

    private static let products = [
        "CREATE SEQUENCE product_revision",
        // A product that is gone stays as a row, so that its removal can be told to whoever asks.
        """
        CREATE TABLE product (
            product_code text COLLATE "C" PRIMARY KEY
                CHECK (octet_length(product_code) BETWEEN 1 AND 64),
            name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 512),
            description text NOT NULL CHECK (octet_length(description) <= 8192),
            price_minor bigint NULL CHECK (price_minor BETWEEN 0 AND 1000000000),
            currency text COLLATE "C" NULL CHECK (currency ~ '^[A-Z]{3}$'),
            vat_rate int NULL CHECK (vat_rate BETWEEN 0 AND 10000),
            images jsonb NOT NULL CHECK (jsonb_typeof(images) = 'array'),
            attributes jsonb NOT NULL CHECK (jsonb_typeof(attributes) = 'object'),
            is_active boolean NOT NULL,
            kind text NOT NULL CHECK (kind IN ('goods', 'delivery')),
            removed boolean NOT NULL DEFAULT false,
            revision bigint NOT NULL UNIQUE CHECK (revision BETWEEN 1 AND 9007199254740991),
            published boolean NOT NULL DEFAULT false,
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT product_price_whole CHECK (
                (price_minor IS NULL) = (currency IS NULL)
                AND (price_minor IS NULL) = (vat_rate IS NULL))
        )
        """,
        "CREATE INDEX product_unpublished ON product (revision) WHERE NOT published",
    ]

    /// Who appends shares the locks of the batch's partitions, and writes nothing for that.
    ///
    /// Who raises an epoch, in whatever way, has the lock alone from before the new epoch can be seen
    /// until it is committed: a batch that has passed its check is waited for, a later one sees the new
    /// epoch. `check_cart_epochs` stays for programs that still lock the rows.
    private static let partitionLocks = [
        """
        CREATE FUNCTION lock_cart_partition() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock(TG_RELID::int4, NEW.partition);
            RETURN NEW;
        END
        $$
        """,
        """
        CREATE TRIGGER cart_partition_lock BEFORE INSERT OR UPDATE ON cart_partition
        FOR EACH ROW EXECUTE FUNCTION lock_cart_partition()
        """,
        """
        CREATE FUNCTION refuse_fenced_owner() RETURNS int LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'another owner has raised the epoch of a partition'
                USING ERRCODE = '\(fencedState)';
        END
        $$
        """,
    ]

    // Postgres reads the text of each check anew with each statement: one is cheaper than four.
    private static let obligationChecks = [
        """
        ALTER TABLE cart_obligation
            DROP CONSTRAINT cart_obligation_kind_check,
            DROP CONSTRAINT cart_obligation_check,
            DROP CONSTRAINT cart_obligation_check1,
            DROP CONSTRAINT cart_obligation_check2,
            ADD CONSTRAINT cart_obligation_whole CHECK (
                CASE kind
                WHEN 'ask' THEN product_code IS NOT NULL AND quantity IS NOT NULL
                    AND ask_until IS NOT NULL
                WHEN 'lower' THEN product_code IS NOT NULL AND quantity IS NOT NULL
                    AND ask_until IS NULL
                WHEN 'fetch' THEN product_code IS NULL AND quantity IS NULL AND ask_until IS NULL
                ELSE false END)
        """
    ]

    // Most holds are decided by the first comparison; IN unpacks an array for each row.
    private static let holdChecks = [
        """
        ALTER TABLE hold
            DROP CONSTRAINT hold_status_check,
            ADD CONSTRAINT hold_status_check
                CHECK (status = 'held' OR status = 'refused' OR status = 'cancelled')
        """
    ]

    private static let productGuesses = [
        """
        CREATE FUNCTION refuse_wrong_guess() RETURNS int LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'products are not as they were seen last'
                USING ERRCODE = '\(wrongGuessState)';
        END
        $$
        """
    ]

    private static let carts = [
        """
        CREATE TABLE cart_event (
            cart_id uuid NOT NULL,
            version bigint NOT NULL CHECK (version > 0),
            partition int NOT NULL,
            request_id text COLLATE "C" NOT NULL,
            type text NOT NULL,
            data json NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (cart_id, version)
        )
        """,
        "CREATE INDEX cart_event_request ON cart_event (cart_id, request_id)",
        """
        CREATE TABLE cart_obligation (
            cart_id uuid NOT NULL,
            request_id text COLLATE "C" NOT NULL,
            partition int NOT NULL,
            kind text NOT NULL CHECK (kind IN ('ask', 'lower')),
            product_code text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            quantity bigint NOT NULL,
            ask_until timestamptz NULL,
            due_at timestamptz NOT NULL,
            PRIMARY KEY (cart_id, request_id),
            CHECK ((kind = 'ask') = (ask_until IS NOT NULL))
        )
        """,
        "CREATE INDEX cart_obligation_partition ON cart_obligation (partition)",
        """
        CREATE TABLE cart_partition (
            partition int PRIMARY KEY,
            epoch bigint NOT NULL,
            owner text NOT NULL,
            raised_at timestamptz NOT NULL
        ) WITH (fillfactor = 50)
        """,
        // A row that is being raised is waited for and then compared in its new version, so a
        // former owner can neither slip in before the raise commits nor go unnoticed after it.
        """
        CREATE FUNCTION check_cart_epochs(partitions int[], epochs bigint[]) RETURNS void
        LANGUAGE plpgsql AS $$
        DECLARE
            current_count int;
        BEGIN
            SELECT count(*) INTO current_count FROM (
                SELECT 1
                FROM unnest(partitions, epochs) AS expected (partition, epoch)
                JOIN cart_partition AS known
                    ON known.partition = expected.partition AND known.epoch = expected.epoch
                ORDER BY known.partition
                FOR SHARE OF known
            ) AS locked;
            IF current_count <> cardinality(partitions) THEN
                RAISE EXCEPTION 'another owner has raised the epoch of a partition'
                    USING ERRCODE = '\(fencedState)';
            END IF;
        END
        $$
        """,
    ]
}
