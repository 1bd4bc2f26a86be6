// Draws the charts from their tables. Without this script the tables remain.
(() => {
  const tones = { good: "--tblr-success", bad: "--tblr-danger", warn: "--tblr-warning", off: "--tblr-secondary" };
  const palette = ["--tblr-primary", "--tblr-teal", "--tblr-orange", "--tblr-purple", "--tblr-pink", "--tblr-cyan"];
  const chartsByFigure = new Map();
  // The theme mixes colours in CSS, which a canvas can't resolve: let the browser paint each colour as a pixel.
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const probe = document.createElement("i");
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = getComputedStyle(probe).color;
    probe.remove();
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
  };
  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  const short = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact", maximumFractionDigits: 1 });

  const read = (figure) => {
    const [axis, ...heads] = figure.querySelectorAll("thead th");
    const rows = [...figure.querySelectorAll("tbody tr")];
    const value = (row, place) => Number(row.cells[place + 1].dataset.value);
    return {
      axis: axis.textContent.trim(),
      labels: rows.map((row) => row.cells[0].textContent.trim()),
      series: heads.map((head, place) => ({
        name: head.textContent.trim(),
        tone: head.dataset.tone,
        sign: "below" in head.dataset ? -1 : 1,
        faint: "faint" in head.dataset,
        second: "secondAxis" in head.dataset,
        values: rows.map((row) => value(row, place)),
      })),
    };
  };

  const options = (figure) => {
    const { labels, series } = read(figure);
    const kind = figure.dataset.chart;
    const text = colour("--tblr-secondary");
    // A faint series has the colour of the last one that is not faint.
    let place = -1;
    const colours = series.map((one) => {
      if (!one.faint) place += 1;
      return colour(tones[one.tone] || palette[place % palette.length]);
    });
    const axis = { type: "value", minInterval: 1, splitLine: { lineStyle: { color: colour("--tblr-border-color") } },
                   axisLabel: { color: text, formatter: (value) => short.format(Math.abs(value)) } };
    const second = series.some((one) => one.second);
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    return {
      animation: !still,
      animationDuration: 300,
      color: colours,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 8, top: 36, bottom: 8, containLabel: true },
      legend: { data: series.filter((one) => !one.faint).map((one) => one.name), top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 12, textStyle: { color: text } },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        axisPointer: { type: kind === "bar" ? "shadow" : "line" },
        backgroundColor: colour("--tblr-bg-surface"),
        borderColor: colour("--tblr-border-color"),
        textStyle: { color: colour("--tblr-body-color") },
        valueFormatter: (value) => numbers.format(Math.abs(value)),
      },
      xAxis: { type: "category", data: labels, axisLabel: { color: text, hideOverlap: true }, axisTick: { show: false },
               axisLine: { lineStyle: { color: colour("--tblr-border-color") } } },
      yAxis: second ? [axis, { ...axis, position: "right", splitLine: { show: false } }] : axis,
      series: series.map((one) => ({
        name: one.name,
        yAxisIndex: one.second ? 1 : 0,
        type: kind,
        stack: series.some((other) => other.sign < 0) ? "all" : undefined,
        showSymbol: false,
        barMaxWidth: 28,
        lineStyle: one.faint ? { type: "dashed", width: 1 } : undefined,
        itemStyle: one.faint ? { opacity: 0.4 } : undefined,
        data: one.values.map((value) => one.sign * value),
      })),
    };
  };

  const draw = (figure) => {
    const place = figure.querySelector(".chart-canvas");
    const chart = chartsByFigure.get(figure) || echarts.init(place, null, { renderer: "canvas" });
    chartsByFigure.set(figure, chart);
    chart.setOption(options(figure), true);
  };

  const download = (figure) => {
    const { axis, labels, series } = read(figure);
    const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const lines = [[axis, ...series.map((one) => one.name)], ...labels.map((label, place) => [label, ...series.map((one) => one.values[place])])];
    const link = document.createElement("a");
    // The byte order mark tells spreadsheets that the file is UTF-8.
    link.href = URL.createObjectURL(new Blob(["\uFEFF" + lines.map((line) => line.map(String).map(cell).join(",")).join("\r\n")], { type: "text/csv" }));
    link.download = `${figure.dataset.name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const all = () => document.querySelectorAll("figure[data-chart]");
  const start = (figure) => {
    draw(figure);
    const button = figure.querySelector("[data-chart-download]");
    button.hidden = false;
    button.addEventListener("click", () => download(figure));
  };
  // A part of a page that loads later brings its own charts; those that it replaces are gone.
  const startNew = () => {
    chartsByFigure.forEach((chart, figure) => {
      if (figure.isConnected) return;
      chart.dispose();
      chartsByFigure.delete(figure);
    });
    all().forEach((figure) => chartsByFigure.has(figure) || start(figure));
  };
  startNew();
  document.addEventListener("htmx:after:swap", startNew);
  new ResizeObserver(() => chartsByFigure.forEach((chart) => chart.resize())).observe(document.getElementById("content"));
  new MutationObserver(() => all().forEach(draw)).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
