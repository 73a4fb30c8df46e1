"""The tables of the shop, and what is in them at first. Amounts are in cents."""

SCHEMA = (
    """
    CREATE TABLE orders (
        number TEXT PRIMARY KEY,
        customer TEXT NOT NULL,
        email TEXT NOT NULL,
        items TEXT NOT NULL,
        status TEXT NOT NULL,
        placed_on TEXT NOT NULL,
        cents INTEGER NOT NULL CHECK (cents > 0)
    ) STRICT
    """,
    """
    CREATE TABLE refunds (
        key TEXT PRIMARY KEY,
        order_number TEXT NOT NULL REFERENCES orders (number),
        cents INTEGER NOT NULL CHECK (cents > 0),
        reason TEXT NOT NULL,
        made_at TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE outbox (
        key TEXT PRIMARY KEY,
        recipient TEXT NOT NULL,
        subject TEXT NOT NULL,
        text TEXT NOT NULL,
        written_at TEXT NOT NULL
    ) STRICT
    """,
)

ORDERS = (
    (
        "ORD-48213",
        "Marta Nowak",
        "marta.nowak@example.org",
        "2 × floor lamp, brass",
        "delivered on 14 November",
        "2026-11-06",
        124_000,
    ),
    (
        "ORD-51877",
        "Tomás Ferreira",
        "tomas.ferreira@example.org",
        "1 × writing desk, oak",
        "on its way, expected on 24 November",
        "2026-11-16",
        48_900,
    ),
    (
        "ORD-20931",
        "Ingrid Solberg",
        "ingrid.solberg@example.org",
        "6 × tea glass, 1 × tray",
        "delivered on 2 November",
        "2026-10-28",
        8_640,
    ),
    (
        "ORD-60442",
        "Kwame Mensah",
        "kwame.mensah@example.org",
        "1 × wool blanket, grey",
        "being packed",
        "2026-11-21",
        11_950,
    ),
)
