-- Half of each page is left free, so that most updates of a message's state stay on the same page.
ALTER TABLE campaigns_message SET (fillfactor = 50);
