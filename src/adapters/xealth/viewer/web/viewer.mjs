// Shows the report whose address the page holds.
import * as pdfjsLib from "../build/pdf.mjs";

globalThis.pdfjsLib = pdfjsLib;
const { EventBus, PDFLinkService, PDFViewer } = await import("./pdf_viewer.mjs");

pdfjsLib.GlobalWorkerOptions.workerSrc = new URL("../build/pdf.worker.mjs", import.meta.url).href;

const { url } = JSON.parse(document.getElementById("report").textContent);
const part = (id) => document.getElementById(id);
const eventBus = new EventBus();
const linkService = new PDFLinkService({ eventBus, externalLinkTarget: 2 });
const viewer = new PDFViewer({
  container: part("container"),
  viewer: part("viewer"),
  eventBus,
  linkService,
  annotationMode: pdfjsLib.AnnotationMode.ENABLE,
});
linkService.setViewer(viewer);

const showPage = () => {
  part("page").value = viewer.currentPageNumber;
  part("previous").disabled = viewer.currentPageNumber <= 1;
  part("next").disabled = viewer.currentPageNumber >= viewer.pagesCount;
};

eventBus.on("pagesinit", () => {
  viewer.currentScaleValue = "auto";
  part("pages").textContent = viewer.pagesCount;
  part("page").max = viewer.pagesCount;
  showPage();
});
eventBus.on("pagechanging", showPage);
eventBus.on("documentloaded", () => part("loadingIcon").classList.add("hidden"));

part("previous").addEventListener("click", () => viewer.previousPage());
part("next").addEventListener("click", () => viewer.nextPage());
part("in").addEventListener("click", () => viewer.increaseScale());
part("out").addEventListener("click", () => viewer.decreaseScale());
part("page").addEventListener("change", (event) => {
  viewer.currentPageNumber = Number(event.target.value);
  showPage();
});

try {
  const report = await pdfjsLib.getDocument({
    url,
    isEvalSupported: false,
    enableXfa: false,
    cMapUrl: new URL("cmaps/", import.meta.url).href,
    standardFontDataUrl: new URL("standard_fonts/", import.meta.url).href,
  }).promise;
  viewer.setDocument(report);
  linkService.setDocument(report);
  eventBus.dispatch("documentloaded", { source: viewer });
  part("download").addEventListener("click", async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([await report.getData()], { type: "application/pdf" }));
    link.download = "report.pdf";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
} catch (error) {
  console.error(error?.name ?? "the report cannot be shown");
  part("loadingIcon").classList.add("hidden");
  part("problem").textContent = "The report cannot be shown. Close this page and open the report again.";
  part("problem").classList.remove("hidden");
}
