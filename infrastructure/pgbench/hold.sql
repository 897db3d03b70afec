-- One guarded hold of one of :products products.
\set product random(1, :products)
BEGIN;
UPDATE yardstick.inventory SET held = held + 1 WHERE product_code = 'product-' || :product::text AND held + 1 <= quantity;
INSERT INTO yardstick.hold VALUES (gen_random_uuid(), gen_random_uuid(), 'product-' || :product::text, 1, now(), now() + interval '15 minutes');
COMMIT;
