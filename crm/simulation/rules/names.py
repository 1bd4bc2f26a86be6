"""Names, places and goods of the simulated shop. The names belong to no real person."""

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = [
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀英",
    "霞",
    "平",
    "刚",
    "桂英",
    "子涵",
    "欣怡",
    "浩然",
    "宇轩",
    "梓萱",
    "诗涵",
    "雨桐",
    "思远",
    "佳怡",
    "俊杰",
    "嘉豪",
    "若曦",
    "晨曦",
    "一诺",
    "梦琪",
    "博文",
    "天佑",
    "雅婷",
    "志远",
    "晓明",
    "小雨",
    "建国",
    "文静",
    "海燕",
    "玉兰",
    "春梅",
    "少华",
    "立新",
]
FIRST = [
    "Emma",
    "Liam",
    "Olivia",
    "Noah",
    "Ava",
    "James",
    "Sophia",
    "Lucas",
    "Mia",
    "Ethan",
    "Isla",
    "Leo",
    "Amelia",
    "Oscar",
    "Freya",
    "Hugo",
    "Elena",
    "Marco",
    "Giulia",
    "Pierre",
    "Camille",
    "Hans",
    "Greta",
    "Lars",
    "Ingrid",
    "Yuki",
    "Haruto",
    "Sakura",
    "Min-jun",
    "Seo-yeon",
    "Aisha",
    "Omar",
    "Priya",
    "Arjun",
    "Zoë",
    "José",
    "Chloé",
    "Søren",
    "Łukasz",
]
LAST = (
    (
        "Smith Jones Taylor Brown Wilson Evans Walker Roberts Garcia Martin Bernard Dubois Rossi Ferrari Müller "
        "Schmidt Weber Jansen Bakker Nielsen Hansen Kowalski Novák Tanaka Sato Kim Park Khan Patel Singh O'Brien "
        "Da Silva"
    )
    .replace("Da Silva", "Silva")
    .split()
)
CHINESE_REGIONS = ("上海", "北京", "广东", "浙江", "江苏", "四川", "湖北", "福建", "山东", "陕西")
ABROAD = (
    ("GB", "en", "Europe/London", "+4477009{:05d}"),
    ("DE", "de", "Europe/Berlin", "+4915112{:06d}"),
    ("US", "en", "America/New_York", "+1212555{:04d}"),
    ("JP", "ja", "Asia/Tokyo", "+819012{:06d}"),
    ("AU", "en", "Australia/Sydney", "+6149157{:04d}"),
)
# (SKU, Chinese name, English name, category, price in major units)
PRODUCTS = [
    (f"{prefix}-{index:02d}", f"{zh}{kind_zh}", f"{en} {kind_en}", category, round(base * factor, 2))
    for prefix, category, base, kinds, goods in (
        (
            "CF",
            "咖啡/咖啡豆",
            68,
            (("200g", "200 g", 1.0), ("500g", "500 g", 2.1)),
            (("云南日晒", "Yunnan Natural"), ("耶加雪菲", "Yirgacheffe"), ("曼特宁", "Mandheling"), ("瑰夏", "Geisha"),
             ("意式拼配", "Espresso Blend"), ("低因", "Decaf")),
        ),
        (
            "TE",
            "茶/茶叶",
            88,
            (("罐装", "tin", 1.0), ("礼盒", "gift box", 2.4)),
            (("西湖龙井", "Longjing"), ("安溪铁观音", "Tieguanyin"), ("武夷大红袍", "Dahongpao"),
             ("凤凰单丛", "Dancong"), ("普洱熟茶", "Ripe Pu'er")),
        ),
        (
            "WR",
            "器具/冲煮",
            129,
            (("", "", 1.0), ("套装", "set", 2.2)),
            (("手冲壶", "Pour-over Kettle"), ("滤杯", "Dripper"), ("磨豆机", "Grinder"), ("盖碗", "Gaiwan"),
             ("分享壶", "Server")),
        ),
        (
            "CU",
            "器具/杯子",
            59,
            (("", "", 1.0), ("对杯", "pair", 1.8)),
            (("马克杯", "Mug"), ("随行杯", "Travel Cup"), ("玻璃杯", "Glass"), ("建盏", "Jian Cup")),
        ),
        (
            "SN",
            "零食/茶点",
            35,
            (("", "", 1.0), ("分享装", "share pack", 1.9)),
            (("绿豆糕", "Mung Bean Cake"), ("黑巧克力", "Dark Chocolate"), ("坚果", "Nuts"), ("曲奇", "Cookies")),
        ),
    )
    for index, (zh, en, kind_zh, kind_en, factor) in enumerate(
        ((zh, en, kind_zh, kind_en, factor) for zh, en in goods for kind_zh, kind_en, factor in kinds), 1
    )
]  # fmt: skip
CHANNELS = ("web", "app", "mini_program", "store")
REFUND_REASONS = ("不合适", "尺寸不符", "运输破损", "重复下单", "changed my mind", "arrived damaged")
