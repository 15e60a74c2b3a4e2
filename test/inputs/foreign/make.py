# Makes the files of this folder with software that nobody here wrote, and what their rows are as JSON.
# usage: pip install pyarrow==26.0.1 fastavro==1.13.1 cramjam backports.zstd && python make.py
import base64, datetime as dt, decimal, json, uuid
import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

D = decimal.Decimal
UTC = dt.timezone.utc


def b64(value):
    return None if value is None else base64.b64encode(value).decode()


def big(value):
    return value if value is None or abs(value) < 2**53 else str(value)


N = 5
columns = {
    "ts": pa.array([1767225600000001 + i * 1000 for i in range(N)], pa.timestamp("us", tz="UTC")),
    "i8": pa.array([-128, 127, 0, None, 1], pa.int8()),
    "u32": pa.array([0, 2**32 - 1, 1, None, 5], pa.uint32()),
    "i64": pa.array([2**53 + 1, -(2**63), 2**63 - 1, None, -(2**53) - 1], pa.int64()),
    "u64": pa.array([0, 2**64 - 1, 2**63, None, 7], pa.uint64()),
    "f32": pa.array([0.5, float("nan"), float("inf"), None, -2.0], pa.float32()),
    "f64": pa.array([0.1, float("-inf"), 1e300, None, 5e-324], pa.float64()),
    "flag": pa.array([True, False, None, True, False], pa.bool_()),
    "text": pa.array(["", "é\n\"\\", None, "\u0000a", "🙂"], pa.string()),
    "state": pa.array(["ok", "ok", "warn", None, "ok"], pa.string()).dictionary_encode(),
    "raw": pa.array([b"", b"\xff\x00", None, b"x", b"yy"], pa.binary()),
    "three": pa.array([b"abc", b"\x00\x01\x02", None, b"xyz", b"123"], pa.binary(3)),
    "dec9": pa.array([D("1.05"), D("-0.01"), None, D("9999999.99"), D("0.00")], pa.decimal128(9, 2)),
    "dec38": pa.array([D("12345678901234567890123456789012.345678"), D("-0.000001"), None, D(1), D(0)], pa.decimal128(38, 6)),
    "day": pa.array([dt.date(2026, 1, 1), dt.date(1969, 12, 31), None, dt.date(1, 1, 1), dt.date(9999, 12, 31)], pa.date32()),
    "clock": pa.array([dt.time(0, 0, 0, 1), dt.time(23, 59, 59, 999999), None, dt.time(12), dt.time(1)], pa.time64("us")),
    "ms": pa.array([0, -1, None, 1767225600123, 1], pa.timestamp("ms", tz="UTC")),
    "ns": pa.array([1, 1767225600000000001, None, -1, 0], pa.timestamp("ns", tz="UTC")),
    "wall": pa.array([0, 1, None, 1767225600000000, -1], pa.timestamp("us")),
    "tags": pa.array([["a", None], [], None, ["é"], ["b", "c"]], pa.list_(pa.string())),
    "grid": pa.array([[[1, 2], []], [], None, [None], [[2**60]]], pa.list_(pa.list_(pa.int64()))),
    "pump": pa.array(
        [{"bar": 1.5, "at": {"n": 1}}, {"bar": None, "at": None}, None, {"bar": 2.0, "at": {"n": None}}, {"bar": 0.0, "at": {"n": 2**53 + 1}}],
        pa.struct([("bar", pa.float64()), ("at", pa.struct([("n", pa.int64())]))]),
    ),
    "attrs": pa.array([[("k", 1), ("l", None)], [], None, [("é", 3)], [("x", 2**53 + 1)]], pa.map_(pa.string(), pa.int64())),
}
table = pa.table(columns)


def iso(nanos, digits, zone):
    seconds, rest = divmod(nanos, 10**9)
    text = (dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds)).isoformat()
    return f"{text}.{rest // 10 ** (9 - digits):0{digits}d}{zone}"


def number(value):
    if value is None:
        return None
    if value != value:
        return "NaN"
    return value if abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


def some(convert):
    return lambda value: None if value is None else convert(value)


def times(name, unit, digits, zone):
    raw = table[name].cast(pa.int64()).to_pylist()
    return [None if v is None else iso(v * unit, digits, zone) for v in raw]


plain = {
    "u64": some(str), "i64": some(big), "f32": number, "f64": number, "raw": b64, "three": b64,
    "dec9": some(str), "dec38": some(lambda v: f"{v:f}" if v else "0.000000"), "day": some(lambda v: f"{v.year:04d}-{v.month:02d}-{v.day:02d}"),
    "clock": some(lambda v: v.strftime("%H:%M:%S.") + f"{v.microsecond:06d}"),
    "grid": some(lambda rows: [None if r is None else [big(v) for v in r] for r in rows]),
    "pump": some(lambda v: {"bar": v["bar"], "at": None if v["at"] is None else {"n": big(v["at"]["n"])}}),
    "attrs": some(lambda pairs: {k: big(v) for k, v in pairs}),
}
rows = {name: [plain.get(name, lambda v: v)(v) for v in table[name].to_pylist()] for name in columns if name != "ns"}
rows["dec38"] = [None if v is None else f"{v:.6f}" for v in table["dec38"].to_pylist()]
counts = {name: [big(v) for v in table[name].cast(pa.int32() if name == "day" else pa.int64()).to_pylist()] for name in ("ts", "ms", "ns", "wall", "day", "clock")}
rows["ts"] = times("ts", 1000, 6, "Z")
rows["ms"] = times("ms", 10**6, 3, "Z")
rows["ns"] = times("ns", 1, 9, "Z")
rows["wall"] = times("wall", 1000, 6, "")
# Times as texts, and as the numbers of their unit.
for name, times_as in [("types.ndjson", counts), ("types.iso.ndjson", {})]:
    with open(name, "w") as out:
        out.writelines(json.dumps({c: times_as.get(c, rows[c])[i] for c in columns}, ensure_ascii=False) + "\n" for i in range(N))
for codec, pages in [("none", "1.0"), ("snappy", "1.0"), ("gzip", "2.0"), ("zstd", "2.0"), ("lz4", "1.0"), ("brotli", "2.0")]:
    pq.write_table(table, f"types.{codec}.parquet", compression=codec, data_page_version=pages, row_group_size=2, use_dictionary=codec != "gzip")
# As old writers spell times.
pq.write_table(table.select(["ns"]), "int96.parquet", use_deprecated_int96_timestamps=True)

schema = {
    "type": "record", "name": "Reading", "namespace": "org.example", "doc": "kept", "fields": [
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "sensor_id", "type": "string", "doc": "kept as well"},
        {"name": "big", "type": ["null", "long"], "default": None},
        {"name": "value", "type": ["null", "double", "string"]},
        {"name": "cost", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "next", "type": ["null", "Reading"], "default": None},
        {"name": "tags", "type": {"type": "map", "values": {"type": "array", "items": "Kind"}}},
    ],
}


def record(i, nested=True):
    return {
        "ts": dt.datetime(2026, 1, 1, tzinfo=UTC) + dt.timedelta(milliseconds=i), "sensor_id": f"s-{i % 3}",
        "big": None if i % 4 == 0 else 2**53 + i, "value": [None, i / 2, f"é{i}"][i % 3], "cost": D(i - 5) / 100,
        "kind": "AB"[i % 2], "next": record(i + 1, False) if nested and i % 5 == 0 else None, "tags": {"k": ["A"] * (i % 3)},
    }


def shown(r):
    return None if r is None else {
        "ts": round(r["ts"].timestamp() * 1000), "sensor_id": r["sensor_id"],
        "big": big(r["big"]), "value": {"string": r["value"]} if isinstance(r["value"], str) else None if r["value"] is None else {"double": r["value"]},
        "cost": f"{r['cost']:.2f}", "kind": r["kind"], "next": shown(r["next"]), "tags": r["tags"],
    }


records = [record(i) for i in range(40)]
for codec in ["null", "deflate", "snappy", "zstandard"]:
    with open(f"readings.{codec}.avro", "wb") as out:
        fastavro.writer(out, schema, records, codec=codec, sync_interval=600)
with open("readings.ndjson", "w") as out:
    out.writelines(json.dumps(shown(r), ensure_ascii=False) + "\n" for r in records)
