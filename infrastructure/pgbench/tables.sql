-- What one guarded hold needs, and no more.
DROP SCHEMA IF EXISTS yardstick CASCADE;
CREATE SCHEMA yardstick;
CREATE TABLE yardstick.inventory (
    product_code text COLLATE "C" PRIMARY KEY,
    quantity bigint NOT NULL,
    held bigint NOT NULL DEFAULT 0,
    CHECK (held BETWEEN 0 AND quantity)
) WITH (fillfactor = 70);
CREATE TABLE yardstick.hold (
    cart_id uuid NOT NULL,
    request_id uuid NOT NULL,
    product_code text COLLATE "C" NOT NULL,
    hold_quantity bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (cart_id, request_id)
);
-- What a cart would write besides, for the chain of bare hops.
CREATE TABLE yardstick.event (
    cart_id uuid NOT NULL,
    version bigint NOT NULL,
    data text NOT NULL,
    PRIMARY KEY (cart_id, version)
);
INSERT INTO yardstick.inventory (product_code, quantity)
SELECT 'product-' || number, 1000000000 FROM generate_series(1, 1000) AS number;
VACUUM ANALYZE yardstick.inventory;
