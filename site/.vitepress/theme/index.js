// The fonts are the reader's own: the site loads none.
import theme from "vitepress/theme-without-fonts";
import "./style.css";

export default theme;
