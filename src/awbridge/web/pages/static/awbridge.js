// What the pages gain where scripts run: charts of tables that are on the page, and live updates while it is visible.
(() => {
  "use strict";
  const REFRESH = 15000; // milliseconds between two updates

  // A chart of each <table data-chart>: a row for each point, a column for each series. The table stays, folded.
  const charts = [];

  function numbers(table, column) {
    return [...table.tBodies[0].rows].map((row) => Number(row.cells[column].dataset.value ?? row.cells[column].textContent) || null);
  }

  function draw(table) {
    const styles = getComputedStyle(document.documentElement);
    const colour = (name) => styles.getPropertyValue(name).trim();
    const heads = [...table.tHead.rows[0].cells];
    const place = document.createElement("div");
    place.className = "plot";
    place.setAttribute("aria-hidden", "true");
    const folded = table.closest("details");
    folded.before(place);
    folded.open = false;
    const bars = (column) => uPlot.paths.bars({ size: [0.7 / column, 40 / column] }); // later series stand in front
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const zone = table.dataset.zone;
    const options = {
      width: place.clientWidth,
      height: 200,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      cursor: { drag: { x: false, y: false } },
      scales: { x: { range: (_plot, first, end) => [first - 1800, end + 1800] }, y: { range: (_plot, _least, most) => [0, Math.max(most, 4) * 1.05] } },
      axes: [
        { ...axis, grid: { show: false }, values: [[3600, "{HH}:{mm}", null, null, null, null, null, null, 1]] },
        { ...axis, size: 44, values: (_plot, ticks) => ticks.map((n) => (Number.isInteger(n) ? n.toLocaleString() : "")) },
      ],
      series: [
        { label: heads[0].textContent, value: "{HH}:{mm}" },
        ...heads.slice(1).map((head, place) => ({
          label: head.textContent,
          stroke: colour(`--${head.dataset.colour}`),
          fill: colour(`--${head.dataset.colour}`),
          paths: bars(place + 1),
          points: { show: false },
        })),
      ],
    };
    const data = heads.map((_head, column) => numbers(table, column));
    charts.push({ place, plot: new uPlot(options, data, place) });
  }

  function drawAll() {
    for (const { plot } of charts.splice(0)) plot.destroy();
    for (const place of document.querySelectorAll(".plot")) place.remove();
    if (window.uPlot) document.querySelectorAll("table[data-chart]").forEach(draw);
  }

  drawAll();
  let last = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== last) drawAll();
    last = window.innerWidth;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // Live parts are fetched again while the page is visible, and at once when it becomes visible again.
  if (window.htmx) {
    const refresh = () => {
      const live = document.querySelector("[data-live]");
      if (live && !document.hidden) htmx.trigger(live, "refresh");
    };
    setInterval(refresh, REFRESH);
    document.addEventListener("visibilitychange", refresh);
    document.body.addEventListener("htmx:afterSettle", drawAll);
  }
})();
